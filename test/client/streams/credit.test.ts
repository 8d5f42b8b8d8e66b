/** Credit: what a node may send, and what waits for the consumer. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Credit } from '../../../src/client/core/streams/credit.ts';

test('credit is granted again once half of it was consumed', () => {
  const credit = new Credit({ share: 100 });
  equal(credit.begin(), 100);
  credit.receive(60);
  equal(credit.consume(40), 0);
  equal(credit.consume(20), 60);
  ok(!credit.isSpent);
});

test('a node that has spent its credit waits, also behind a message that was larger', () => {
  const credit = new Credit({ share: 100 });
  credit.begin();
  credit.receive(90);
  ok(!credit.isSpent);
  credit.receive(500);
  ok(credit.isSpent);
  equal(credit.consume(590), 590);
  ok(!credit.isSpent);
});

test('another stream is granted only what is free, and none while half of it waits', () => {
  const credit = new Credit({ share: 100 });
  credit.begin();
  credit.receive(70);
  equal(credit.begin(), 0);
  credit.consume(30);
  equal(credit.begin(), 60);
  credit.consume(40);
  equal(credit.begin(), 100);
});

test('whatever is received and consumed, no more waits than the share and one message', () => {
  const credit = new Credit({ share: 64 });
  let waiting = 0;
  let left = credit.begin();
  for (let round = 0; round < 10_000; round++) {
    if (round % 997 === 0) left = credit.begin() || left;
    const bytes = (round * 7919) % 40;
    if (left > 0) {
      credit.receive(bytes);
      left -= bytes;
      waiting += bytes;
    }
    ok(waiting <= 64 + 40, `${waiting} bytes wait`);
    if (round % 3 > 0) continue;
    const consumed = Math.min(waiting, (round * 31) % 90);
    waiting -= consumed;
    left += credit.consume(consumed);
  }
});
