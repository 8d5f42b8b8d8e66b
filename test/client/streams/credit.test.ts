/** Credit: what a node may send, and what waits for the consumer. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Backlog, Credit } from '../../../src/client/core/streams/credit.ts';

/** A stream with one consumer. */
class Rig {
  readonly backlog: Backlog;
  credit: Credit;

  constructor(share: number) {
    this.backlog = new Backlog({ share });
    this.credit = new Credit(this.backlog);
  }

  receivePart(bytes: number): number {
    this.credit.receivePart(bytes);
    return this.credit.grantFor(this.backlog);
  }

  /** Returns the bytes that are consumed with them. */
  receive(bytes: number): number {
    const whole = this.credit.receive(bytes);
    this.backlog.add(whole);
    return whole;
  }

  consume(bytes: number): number {
    this.backlog.consume(bytes);
    return this.credit.grantFor(this.backlog);
  }

  /** Another stream. Returns its credit. */
  begin(): number {
    this.credit = new Credit(this.backlog);
    return this.credit.left;
  }
}

test('credit is granted again once half of it was consumed', () => {
  const rig = new Rig(100);
  equal(rig.credit.left, 100);
  rig.receive(60);
  equal(rig.consume(40), 0);
  equal(rig.consume(20), 60);
  ok(!rig.credit.isSpent);
});

test('a node that has spent its credit waits, also behind a message that was larger', () => {
  const rig = new Rig(100);
  rig.receive(90);
  ok(!rig.credit.isSpent);
  rig.receive(500);
  ok(rig.credit.isSpent);
  equal(rig.consume(590), 590);
  ok(!rig.credit.isSpent);
});

test('another stream is granted only what is free, and is not worth it while half waits', () => {
  const rig = new Rig(100);
  rig.receive(70);
  ok(!rig.backlog.isHalfFree);
  rig.consume(30);
  ok(rig.backlog.isHalfFree);
  equal(rig.begin(), 60);
  rig.consume(40);
  equal(rig.begin(), 100);
});

test('whatever is received and consumed, no more waits than the share and one message', () => {
  const rig = new Rig(64);
  let waiting = 0;
  let { left } = rig.credit;
  for (let round = 0; round < 10_000; round++) {
    if (round % 997 === 0 && rig.backlog.isHalfFree) left = rig.begin();
    const bytes = (round * 7919) % 40;
    if (left > 0) {
      rig.receive(bytes);
      left -= bytes;
      waiting += bytes;
    }
    ok(waiting <= 64 + 40, `${waiting} bytes wait`);
    if (round % 3 > 0) continue;
    const consumed = Math.min(waiting, (round * 31) % 90);
    waiting -= consumed;
    left += rig.consume(consumed);
  }
});

test('parts of an entry let its node go on, and count until the entry is consumed', () => {
  const rig = new Rig(100);
  for (let part = 0; part < 5; part++) equal(rig.receivePart(80), 80);
  ok(!rig.credit.isSpent, 'the rest of the entry may come');
  equal(rig.receive(1), 401, 'all of it is consumed together');
  // The next entry waits for this one, and goes on when this one is consumed.
  equal(rig.receivePart(80), 0);
  equal(rig.receivePart(80), 0);
  ok(rig.credit.isSpent);
  equal(rig.consume(401), 161);
  ok(!rig.credit.isSpent);
  equal(rig.receivePart(30), 0);
  equal(rig.receivePart(30), 60, 'half of the share at a time');
});

test('whatever comes in parts, the share, an entry and a message wait at most', () => {
  const rig = new Rig(64);
  let { left } = rig.credit;
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
        left += rig.receivePart(bytes);
      } else {
        told.push(rig.receive(bytes));
        parts = 0;
      }
    } else ok(told.length > 0, 'a node that may not send waits for the consumer');
    ok(waiting <= 2 * 64 + 340 + 80, `${waiting} bytes wait`);
    const entry = round % 3 === 0 ? told.shift() : undefined;
    if (entry === undefined) continue;
    waiting -= entry;
    left += rig.consume(entry);
  }
});

test('a stream of several consumers is granted as much as the one with most room takes', () => {
  const [slow, fast] = [new Backlog({ share: 100 }), new Backlog({ share: 100 })];
  const credit = new Credit(fast);
  credit.receive(90);
  slow.add(90);
  equal(credit.grantFor(slow), 0);
  equal(credit.grantFor(fast), 90);
  equal(credit.left, 100);
  // More is granted already than the slow one has room for.
  slow.consume(50);
  equal(credit.grantFor(slow), 0);
});
