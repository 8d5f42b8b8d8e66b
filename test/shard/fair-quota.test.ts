/** However many users take their share, there is some left for one more. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, FlowGroup } from '../../src/shard/fair-queue.ts';
import { FairQuota } from '../../src/shard/fair-quota.ts';

const MAX = 1000;

function newShare(client: number): Flow {
  return new Flow({ client, mayGoOn: () => true });
}

function fill(portions: FairQuota, share: Flow | undefined): number {
  let count = 0;
  for (; portions.admits(share); count++) portions.add(share);
  return count;
}

test('one user may have as much as is left to all others', () => {
  const portions = new FairQuota({ max: MAX });
  const counts = [1, 2, 3, 4].map((client) => fill(portions, newShare(client)));
  equal(counts[0], MAX / 2);
  for (const [at, count] of counts.entries()) ok(count >= MAX / 2 ** (at + 1) - 1, `${count}`);
  ok(portions.admits(newShare(5)));
});

test('released capacity is free again', () => {
  const portions = new FairQuota({ max: MAX });
  const share = newShare(1);
  fill(portions, share);
  equal(portions.admits(share), false);
  portions.remove(share);
  equal(portions.admits(share), true);
  portions.clear();
  equal(fill(portions, share), MAX / 2);
});

test('work that no client requested may have all that is left', () => {
  const portions = new FairQuota({ max: MAX });
  equal(fill(portions, undefined), MAX);
  equal(portions.admits(newShare(1)), false);
});

test('the clients of one user have one part', () => {
  const portions = new FairQuota({ max: MAX });
  const group = new FlowGroup();
  const flows = [1, 2, 3].map((client) => new Flow({ client, mayGoOn: () => true, group }));
  const counts = flows.map((flow) => fill(portions, flow));
  equal(counts.join(), `${MAX / 2},0,0`);
  portions.remove(flows[0]);
  equal(portions.admits(flows[2]), true, 'what one of them gives back, another one may take');
  ok(fill(portions, newShare(4)) >= MAX / 4);
});
