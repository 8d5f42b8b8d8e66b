/** Which report of the disk vouches for what, and which messages wait for it. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import type { Message } from '../../src/raft/message.ts';
import { Outbox } from '../../src/raft/outbox.ts';

const HARD_STATE = { term: 1, vote: NO_MEMBER, commit: 0 };

function message(round: number): Message {
  const envelope = { shard: 1 as ShardId, from: 1 as MemberId, to: 2 as MemberId, term: 1 };
  return { type: 'heartbeat-response', ...envelope, round, delayMilliseconds: 0 };
}

function write(outbox: Outbox, index: number) {
  outbox.unwrittenFrom = index;
  const last = { index, term: 1 };
  return outbox.takeWrite({ hardState: HARD_STATE, entries: [], last, now: 0 }).mark;
}

test('a message that depends on a write leaves when that write is durable, in order', () => {
  const outbox = new Outbox();
  outbox.unwrittenFrom = 1;
  outbox.sendAfter(outbox.pendingWrite, message(1));
  const first = write(outbox, 1);
  outbox.unwrittenFrom = 2;
  outbox.sendAfter(outbox.pendingWrite, message(2));
  const second = write(outbox, 2);
  assert.deepEqual(outbox.messages, []);
  outbox.settle(first);
  assert.deepEqual(outbox.messages, [message(1)]);
  outbox.settle(second);
  assert.deepEqual(outbox.messages, [message(1), message(2)]);
});

test('a message leaves at once when no write is pending', () => {
  const outbox = new Outbox();
  outbox.sendAfter(outbox.pendingWrite, message(1));
  assert.deepEqual(outbox.messages, [message(1)]);
});

test('a report settles the writes before it as well, once', () => {
  const outbox = new Outbox();
  const first = write(outbox, 1);
  const second = write(outbox, 2);
  assert.deepEqual(outbox.settle(second), { durable: 2, isClamped: false });
  assert.equal(outbox.settle(first), undefined);
  assert.equal(outbox.settle(second), undefined);
});

test('a late report does not count for entries that a later cut overwrote', () => {
  const outbox = new Outbox();
  const first = write(outbox, 5);
  outbox.overwriteFrom(3);
  const second = write(outbox, 5);
  assert.deepEqual(outbox.settle(first), { durable: 2, isClamped: true });
  assert.deepEqual(outbox.settle(second), { durable: 5, isClamped: false });
});

test('a repeated answer is held once while the disk is blocked', () => {
  const outbox = new Outbox();
  outbox.unwrittenFrom = 1;
  for (let round = 1; round <= 100; round++) outbox.sendAfter(outbox.pendingWrite, message(round));
  outbox.settle(write(outbox, 1));
  assert.deepEqual(outbox.messages, [message(100)]);
});
