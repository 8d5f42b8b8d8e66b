/** Balancing: which replica a stale read asks. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { type Balance, Balancer, type Candidate } from '../../src/client/core/balance.ts';

const SHARD = 1 as ShardId;
const CANDIDATES: readonly Candidate[] = [
  { node: 1, zone: 'a', weight: 100, requests: 5 },
  { node: 2, zone: 'b', weight: 300, requests: 2 },
  { node: 3, zone: 'c', weight: 100, requests: 9 },
];

function chosen(balance: Balance, times: number): number[] {
  const balancer = new Balancer({ balance, random: new Random(1) });
  const counts = [0, 0, 0];
  for (let round = 0; round < times; round++) {
    const node = balancer.choose(SHARD, CANDIDATES) ?? 0;
    counts[node - 1] = (counts[node - 1] ?? 0) + 1;
  }
  return counts;
}

test('replicas are chosen in turn, by weight, by load, or by a function', () => {
  deepEqual(chosen('round-robin', 300), [100, 100, 100]);
  deepEqual(chosen('least-loaded', 10), [0, 10, 0]);
  const [first = 0, second = 0, third = 0] = chosen('weighted', 5000);
  ok(Math.abs(second - 3000) < 150 && Math.abs(first - third) < 200, `${first} ${second} ${third}`);
  deepEqual(
    chosen((all) => all.findIndex(({ zone }) => zone === 'c'), 4),
    [0, 0, 4],
  );
});

test('an invalid choice is the first candidate, and without candidates there is none', () => {
  deepEqual(
    chosen(() => Number.NaN, 2),
    [2, 0, 0],
  );
  deepEqual(
    chosen(() => 7, 2),
    [2, 0, 0],
  );
  const balancer = new Balancer({ balance: 'weighted', random: new Random(1) });
  equal(balancer.choose(SHARD, []), undefined);
});
