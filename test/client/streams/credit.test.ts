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

test('parts of an entry let its node go on, and count until the entry is consumed', () => {
  const credit = new Credit({ share: 100 });
  credit.begin();
  for (let part = 0; part < 5; part++) equal(credit.receivePart(80), 80);
  ok(!credit.isSpent, 'the rest of the entry may come');
  equal(credit.receive(1), 401, 'all of it is consumed together');
  // The next entry waits for this one, and goes on when this one is consumed.
  equal(credit.receivePart(80), 0);
  equal(credit.receivePart(80), 0);
  ok(credit.isSpent);
  equal(credit.consume(401), 161);
  ok(!credit.isSpent);
  equal(credit.receivePart(30), 0);
  equal(credit.receivePart(30), 60, 'half of the share at a time');
});

test('whatever comes in parts, the share twice and an entry wait at most', () => {
  const credit = new Credit({ share: 64 });
  let left = credit.begin();
  let waiting = 0;
  const told: number[] = [];
  let parts = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = 1 + ((round * 7919) % 40);
    if (left > 0) {
      left -= bytes;
      waiting += bytes;
      if ((round * 31) % 7 > 0 && parts < 300) {
        parts += bytes;
        left += credit.receivePart(bytes);
      } else {
        told.push(credit.receive(bytes));
        parts = 0;
      }
    } else ok(told.length > 0, 'a node that may not send waits for the consumer');
    ok(waiting <= 2 * 64 + 340 + 80, `${waiting} bytes wait`);
    const entry = round % 3 === 0 ? told.shift() : undefined;
    if (entry === undefined) continue;
    waiting -= entry;
    left += credit.consume(entry);
  }
});
