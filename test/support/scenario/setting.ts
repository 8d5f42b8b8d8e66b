/** The commands that set the scene: the replicas, their limits, and their former state. */

import type { HardState } from '../../../src/raft/ready.ts';
import { emptyDisk } from './disk.ts';
import { entriesOfTerms, type Fields, parseFields, parseTerms } from './hand-made.ts';
import type { Member } from './member.ts';
import type { World } from './world.ts';

export type Command = (world: World, words: readonly string[]) => void;

export const SETTING: Readonly<Record<string, Command>> = {
  /** `limits name=value ...`, before any replica exists. */
  limits: (world, words) => {
    const changes = [...parseFields(words)].map(([name, value]) => {
      if (!Object.hasOwn(world.limits, name)) throw new Error(`no limit is called ${name}`);
      return [name, Number(value)] as const;
    });
    world.limit(Object.fromEntries(changes));
  },
  /** `members 1 2 3 learners 4`: a new shard. */
  members: (world, words) => {
    const { before: voters, after: learners } = splitAt(words, 'learners');
    const configuration = { voters, outgoing: [], learners };
    for (const id of [...voters, ...learners]) world.add(id, emptyDisk(configuration));
  },
  /** `blank 4`: a new replica that knows no member. */
  blank: (world, words) => {
    const configuration = { voters: [], outgoing: [], learners: [] };
    for (const id of parseIds(words)) world.add(id, emptyDisk(configuration));
  },
  /** `restored 1 term=3 vote=1 log=1,1,3 commit=2 damaged=3 forgetful`: a member with a past. */
  restored: (world, [id = '', ...words]) => restore(world, Number(id), parseFields(words)),
};

export function parseIds(words: readonly string[]): Member['id'][] {
  return words.map((word) => Number(word) as Member['id']);
}

function restore(world: World, id: number, fields: Fields): void {
  const number = (key: string) => Number(fields.get(key) ?? 0);
  const { configuration } = world.member(id).disk.configuration;
  const entries = entriesOfTerms(0, parseTerms(fields.get('log')));
  const term = Math.max(number('term'), entries[entries.length - 1]?.term ?? 0);
  const vote = number('vote') as HardState['vote'];
  const member = world.add(id, {
    ...emptyDisk(configuration),
    hardState: { term, vote, commit: number('commit') },
    entries,
    damaged: parseTerms(fields.get('damaged')),
    mayVote: !fields.has('forgetful'),
  });
  // The time for any promise of its former life is over.
  if (fields.has('just')) return;
  for (let at = 0; at < world.limits.electionTicksMin; at++) {
    member.tick(world.limits.tickMilliseconds);
  }
  if (member.status.role !== 'follower') throw new Error('this seed campaigns too early');
  if (member.hasReady) member.take();
}

function splitAt(words: readonly string[], separator: string) {
  const at = words.indexOf(separator);
  if (at < 0) return { before: parseIds(words), after: [] };
  return { before: parseIds(words.slice(0, at)), after: parseIds(words.slice(at + 1)) };
}
