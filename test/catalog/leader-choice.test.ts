/** Which member should lead, as a table: members are letters on nodes 1, 2 and 3. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { NO_NODE, type ShardRow } from '../../src/catalog/cluster-map.ts';
import { type Load, wishedLeader } from '../../src/catalog/leader-choice.ts';

interface Case {
  readonly self: string;
  readonly load: Load;
  /** The preferred one; none for the catalog's shard. */
  readonly preferred?: string;
  readonly able?: string;
  /** Members that are being removed. */
  readonly leaving?: string;
}

const LETTERS = [...'abc'];

function idOf(letter: string): MemberId {
  return (LETTERS.indexOf(letter) + 11) as MemberId;
}

function choose({ self, load, preferred, able = 'abc', leaving = '' }: Case): string {
  const nodeOf = (letter: string) => (LETTERS.indexOf(letter) + 1) as NodeId;
  const row: ShardRow = {
    ...{ shard: 1 as ShardId, revision: 5, epoch: 1, from: 0, to: 2 ** 32, founder: idOf('a') },
    ...{ isFounded: true, term: 7, goal: LETTERS.map(nodeOf) },
    preferredNode: preferred === undefined ? NO_NODE : nodeOf(preferred),
    members: LETTERS.map((letter) => {
      const isWanted = !leaving.includes(letter);
      return { node: nodeOf(letter), member: idOf(letter), isWanted, isVoter: true };
    }),
  };
  const isAble = (member: MemberId) => [...able].some((letter) => idOf(letter) === member);
  const wished = wishedLeader({ row, self: idOf(self), load, isAble });
  return LETTERS.find((letter) => idOf(letter) === wished) ?? 'none';
}

const TABLE: readonly (readonly [sentence: string, given: Case, wished: string])[] = [
  [
    'a node with time to spare gives to the first',
    { self: 'b', load: 'idle', preferred: 'b' },
    'a',
  ],
  ['the first keeps what it has', { self: 'a', load: 'idle', preferred: 'c' }, 'a'],
  ['it does so while it works', { self: 'a', load: 'working', preferred: 'c' }, 'a'],
  ['once busy it gives to the preferred', { self: 'a', load: 'busy', preferred: 'c' }, 'c'],
  ['busy or not, it keeps its own share', { self: 'a', load: 'busy', preferred: 'a' }, 'a'],
  ['one that works keeps its share', { self: 'b', load: 'working', preferred: 'b' }, 'b'],
  ['one that is busy does, too', { self: 'b', load: 'busy', preferred: 'b' }, 'b'],
  ['the share of another goes to it', { self: 'b', load: 'working', preferred: 'c' }, 'c'],
  [
    'without the first the next one gathers',
    { self: 'c', load: 'idle', preferred: 'c', able: 'bc' },
    'b',
  ],
  ['and keeps what it has', { self: 'b', load: 'working', preferred: 'c', able: 'bc' }, 'b'],
  [
    'the preferred one may be down',
    { self: 'a', load: 'busy', preferred: 'c', able: 'ab' },
    'none',
  ],
  [
    'none gathers on a member that goes',
    { self: 'c', load: 'idle', preferred: 'c', leaving: 'a' },
    'b',
  ],
  [
    'none goes to a preferred one that goes',
    { self: 'a', load: 'busy', preferred: 'c', leaving: 'c' },
    'none',
  ],
  ['the leader of the catalog may be anywhere', { self: 'c', load: 'idle' }, 'none'],
];

for (const [sentence, given, wished] of TABLE) {
  test(sentence, () => equal(choose(given), wished));
}
