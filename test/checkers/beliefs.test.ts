/** The judge of beliefs: histories of owners and guarded writes, good and bad. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type Belief, type BeliefRule, checkBeliefs, type GuardedWrite } from './beliefs.ts';

function owns(
  owner: string,
  [from, until]: readonly [number, number?],
  token: number,
  more: Partial<Belief> = {},
): Belief {
  return { name: 'cron', owner, kind: 'exclusive', permits: 1, token, from, until, ...more };
}

const shared = { kind: 'shared' } as const;
const pool = { kind: 'semaphore', permits: 2, name: 'pool' } as const;

function wrote(owner: string, token: number, index: number, shard = 1): GuardedWrite {
  return { name: 'cron', owner, token, index, shard };
}

interface Case {
  readonly name: string;
  readonly rules: readonly BeliefRule[];
  readonly beliefs: readonly Belief[];
  readonly writes?: readonly GuardedWrite[];
}

const CASES: readonly Case[] = [
  {
    name: 'one owner after the other',
    rules: [],
    beliefs: [owns('a', [0, 10], 5), owns('b', [10, 20], 7), owns('c', [30], 9)],
  },
  {
    name: 'two locks at one time',
    rules: [],
    beliefs: [owns('a', [0, 10], 5), owns('b', [5, 20], 6, { name: 'mail' })],
  },
  {
    name: 'readers together, a writer alone',
    rules: [],
    beliefs: [owns('a', [0, 10], 5, shared), owns('b', [5, 15], 5, shared), owns('c', [15, 20], 8)],
  },
  {
    name: 'as many owners as there are permits',
    rules: [],
    beliefs: [owns('a', [0, 10], 1, pool), owns('b', [5, 15], 2, pool), owns('c', [10], 3, pool)],
  },
  {
    name: 'an older owner writes in a shard that the newer one has not guarded',
    rules: [],
    beliefs: [],
    writes: [wrote('b', 7, 10, 1), wrote('a', 5, 11, 2)],
  },
  {
    name: 'an owner whose signal came late',
    rules: ['overlap'],
    beliefs: [owns('a', [0, 12], 5), owns('b', [10, 20], 7)],
  },
  {
    name: 'an owner that never learned that it lost the lock',
    rules: ['overlap'],
    beliefs: [owns('a', [0], 5), owns('b', [10, 20], 7)],
  },
  {
    name: 'a reader beside a writer',
    rules: ['overlap'],
    beliefs: [owns('a', [0, 10], 5, shared), owns('b', [5, 9], 6)],
  },
  {
    name: 'a writer beside a reader',
    rules: ['overlap'],
    beliefs: [owns('a', [0, 10], 5), owns('b', [5, 9], 6, shared)],
  },
  {
    name: 'more owners than permits',
    rules: ['permits'],
    beliefs: [owns('a', [0, 10], 1, pool), owns('b', [2, 10], 2, pool), owns('c', [4], 3, pool)],
  },
  {
    name: 'a late grant that is believed after another owner had the lock',
    rules: ['token'],
    beliefs: [owns('b', [0, 10], 7), owns('a', [20, 30], 5)],
  },
  {
    name: 'two owners with one token',
    rules: ['token'],
    beliefs: [owns('a', [0, 10], 5), owns('b', [10, 20], 5)],
  },
  {
    name: 'a guarded write of an older owner behind one of a newer',
    rules: ['guard'],
    beliefs: [],
    writes: [wrote('a', 5, 8), wrote('b', 7, 10), wrote('a', 5, 11)],
  },
];

for (const { name, rules, beliefs, writes = [] } of CASES) {
  test(name, () => {
    const { findings } = checkBeliefs({ beliefs, writes, isDriftBounded: true });
    deepEqual([...new Set(findings.map(({ rule }) => rule))], rules);
  });
}

test('clocks beyond the bound excuse overlaps, which are counted, and no guarded write', () => {
  const beliefs = [owns('a', [0, 12], 5), owns('b', [10, 20], 7)];
  const writes = [wrote('b', 7, 10), wrote('a', 5, 11)];
  const { findings, overlaps } = checkBeliefs({ beliefs, writes, isDriftBounded: false });
  equal(overlaps, 1);
  deepEqual(
    findings.map(({ rule }) => rule),
    ['guard'],
  );
});
