/** Which value a key may have when all writers have stopped. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { LastWrites, lastStampsOf } from '../../bench/load/last-writes.ts';

function stampsAfter(
  ...times: readonly (readonly [stamp: string, began: number, ended?: number])[]
): readonly string[] | undefined {
  const writes = new LastWrites();
  const moments: { readonly at: number; readonly go: () => void }[] = [];
  for (const [stamp, began, ended] of times) {
    const begin = () => {
      const write = writes.begin('key', stamp, began);
      if (ended === undefined) return;
      moments.push({ at: ended, go: () => writes.acknowledge(write, ended) });
    };
    moments.push({ at: began, go: begin });
  }
  for (let next = earliest(moments); next !== undefined; next = earliest(moments)) next.go();
  const stamps = lastStampsOf(writes.take());
  return stamps === undefined ? undefined : [...stamps].sort();
}

function earliest(moments: { readonly at: number; readonly go: () => void }[]) {
  moments.sort((one, other) => one.at - other.at);
  return moments.shift();
}

test('the later of two writes one after the other stays', () => {
  assert.deepEqual(stampsAfter(['a', 0, 1], ['b', 2, 3]), ['b']);
});

test('either of two writes at the same time may stay', () => {
  assert.deepEqual(stampsAfter(['a', 0, 2], ['b', 1, 3]), ['a', 'b']);
});

test('a long write may stay after a short one that began later', () => {
  assert.deepEqual(stampsAfter(['a', 0, 9], ['b', 1, 2], ['c', 3, 4]), ['a', 'c']);
});

test('a write that was never answered may take effect at any later time', () => {
  assert.deepEqual(stampsAfter(['a', 0], ['b', 1, 2]), ['a', 'b']);
});

test('nothing is known of a key whose writes were all unanswered', () => {
  assert.equal(stampsAfter(['a', 0], ['b', 1]), undefined);
});

test('writes of several processes are judged together', () => {
  const [one, other] = [new LastWrites(), new LastWrites()];
  one.acknowledge(one.begin('key', 'a', 0), 1);
  other.acknowledge(other.begin('key', 'b', 2), 3);
  const stamps = lastStampsOf([...one.take(), ...other.take()]);
  assert.deepEqual([...(stamps ?? [])], ['b']);
});
