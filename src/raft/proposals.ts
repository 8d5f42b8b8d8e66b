/** What a leader adds to the log: commands, configurations, and whom it tells of them. */

import { assert } from '../base/assert.ts';
import { NUMBER_MAX } from '../base/ids.ts';
import { ENTRY_OVERHEAD_BYTES } from '../base/limits.ts';
import { type Configuration, membersOf } from './configuration.ts';
import { type Core, configurationOf, type Leader, note, refuse } from './core.ts';
import type { Entry } from './message.ts';
import type { Position } from './position.ts';
import { Progress } from './progress.ts';
import type { Outcome } from './ready.ts';
import { wakeLeader } from './rounds.ts';

export function propose(core: Core, payloads: readonly Uint8Array[]): Outcome {
  if (core.role.type !== 'leader') return refuse('not-leader');
  const leader = core.role;
  if (leader.transfer !== undefined) return refuse('leadership-moving');
  const { lastIndex } = core.log;
  if (lastIndex + payloads.length > NUMBER_MAX) return refuse('out-of-numbers');
  if (payloads.length === 0) return refuse('malformed');
  let bytes = 0;
  for (const payload of payloads) bytes += ENTRY_OVERHEAD_BYTES + payload.length;
  if (leader.uncommittedBytes + bytes > core.limits.uncommittedBytesMax) {
    if (leader.uncommittedBytes > 0) {
      note(core, 'uncommitted-tail-full');
      return refuse('too-much-uncommitted');
    }
    note(core, 'oversize-payload-alone');
  }
  const entries: Entry[] = payloads.map((payload, at) => ({
    index: lastIndex + 1 + at,
    term: core.term,
    kind: 'command',
    payload,
  }));
  leader.uncommitted.push({ lastIndex: lastIndex + payloads.length, bytes });
  leader.uncommittedBytes += bytes;
  appendAsLeader(core, leader, entries);
  return { type: 'taken', position: entries[0] as Position };
}

/** In force from here on, committed or not (§6). */
export function appendConfiguration(
  core: Core,
  leader: Leader,
  configuration: Configuration,
): Position {
  const { at } = core.configurations.newest;
  assert(at.index <= core.commit, 'one uncommitted configuration at a time');
  const entry: Entry = { ...nextPosition(core), kind: 'configuration', configuration };
  core.configurations.add({ at: { index: entry.index, term: entry.term }, configuration });
  appendAsLeader(core, leader, [entry]);
  watchMembers(core, leader);
  return { index: entry.index, term: entry.term };
}

/** One `Progress` for everybody else; those who are no longer members are forgotten. */
export function watchMembers(core: Core, leader: Leader): void {
  const members = membersOf(configurationOf(core));
  for (const member of leader.followers.keys()) {
    if (!members.includes(member)) leader.followers.delete(member);
  }
  for (const member of members) {
    if (member === core.self || leader.followers.has(member)) continue;
    const { limits, timeout, ticks: now } = core;
    const { lastIndex } = core.log;
    leader.followers.set(member, new Progress({ member, limits, timeout, lastIndex, now }));
  }
}

export function nextPosition(core: Core): Position {
  return { index: core.log.lastIndex + 1, term: core.term };
}

export function appendAsLeader(core: Core, leader: Leader, entries: readonly Entry[]): void {
  const { outbox, log } = core;
  outbox.unwrittenFrom = Math.min(outbox.unwrittenFrom, log.lastIndex + 1);
  log.append(entries);
  wakeLeader(core, leader);
  core.hasNews = true;
}
