/** What is said is what is heard, in exactly one spelling. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { ENTRY_OVERHEAD_BYTES, RAFT_LIMITS, WIRE_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { AppendEntries, Heartbeat, Message } from '../../src/raft/message.ts';
import { decodeFrame, encodeFrame, encodeFrames } from '../../src/wire/frame.ts';
import { bytesMaxOf } from '../../src/wire/raft-message.ts';
import { MESSAGE_TYPES, randomMessage, randomMessages } from './random-message.ts';

const HEARTBEAT: Heartbeat = {
  type: 'heartbeat',
  shard: 7 as ShardId,
  from: 1 as MemberId,
  to: 2 as MemberId,
  term: 3,
  commit: 4,
  round: 5,
  configuration: { index: 1, term: 1 },
  isLast: false,
  isEstablished: true,
  timeoutMilliseconds: 200,
};

function appendOf(payloads: readonly Uint8Array[]): AppendEntries {
  return {
    type: 'append',
    shard: 0 as ShardId,
    from: 1 as MemberId,
    to: 2 as MemberId,
    term: 2 ** 52,
    previous: { index: 2 ** 51, term: 2 ** 52 },
    entries: payloads.map((payload, at) => ({
      kind: 'command',
      index: 2 ** 51 + 1 + at,
      term: 2 ** 52,
      payload,
    })),
    commit: 0,
    round: 0,
    configuration: { index: 0, term: 0 },
  };
}

/** The order of a frame: beats, their responses, all else. */
function grouped(messages: readonly Message[]): Message[] {
  const rank = (message: Message) =>
    message.type === 'heartbeat' ? 0 : message.type === 'heartbeat-response' ? 1 : 2;
  return [0, 1, 2].flatMap((wanted) => messages.filter((message) => rank(message) === wanted));
}

test('a message of any type decodes to what was encoded', () => {
  const random = new Random(1);
  for (const type of MESSAGE_TYPES) {
    for (let round = 0; round < 400; round++) {
      const message = randomMessage(random, type);
      deepEqual(decodeFrame(encodeFrame([message])), [message]);
    }
  }
});

test('a frame keeps the order of its messages, except for heartbeats, which come first', () => {
  const random = new Random(2);
  for (let round = 0; round < 1000; round++) {
    const messages = randomMessages(random, random.below(20));
    deepEqual(decodeFrame(encodeFrame(messages)), grouped(messages));
  }
});

test('what was decoded encodes to the same bytes', () => {
  const random = new Random(3);
  for (let round = 0; round < 1000; round++) {
    const frame = encodeFrame(randomMessages(random, random.below(20)));
    const decoded = decodeFrame(frame) ?? [];
    deepEqual(encodeFrame(decoded), frame);
  }
});

test('messages of one type have their fields in one order', () => {
  const random = new Random(4);
  for (const type of MESSAGE_TYPES) {
    const orders = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const [message] = decodeFrame(encodeFrame([randomMessage(random, type)])) ?? [];
      orders.add(Object.keys(message ?? {}).join());
    }
    equal(orders.size, 1, type);
  }
});

test('a hundred heartbeats are one message', () => {
  const heartbeats = Array.from({ length: 100 }, (_, at) => ({
    ...HEARTBEAT,
    shard: at as ShardId,
  }));
  const frame = encodeFrame(heartbeats);
  deepEqual([...frame.subarray(0, 5)], [0x91, 0xdc, 0, 101, 1]);
  deepEqual(decodeFrame(frame), heartbeats);
});

test('one invalid heartbeat does not cost the others theirs', () => {
  const nonsense = { ...HEARTBEAT, from: 0 as MemberId, term: 0, commit: 2 ** 52 };
  deepEqual(decodeFrame(encodeFrame([HEARTBEAT, nonsense, HEARTBEAT])), [
    HEARTBEAT,
    nonsense,
    HEARTBEAT,
  ]);
});

test('an encoded frame is not changed by the next one', () => {
  const frame = encodeFrame([HEARTBEAT]);
  const before = [...frame];
  encodeFrame([{ ...HEARTBEAT, term: 2 ** 40 }, HEARTBEAT]);
  deepEqual([...frame], before);
});

test('a frame may be a part of a larger buffer', () => {
  const frame = encodeFrame([appendOf([new Uint8Array([1, 2, 3])])]);
  const larger = new Uint8Array(frame.length + 20).fill(0xff);
  larger.set(frame, 10);
  deepEqual(decodeFrame(larger.subarray(10, 10 + frame.length)), decodeFrame(frame));
});

test('payloads are plain views on the bytes that were given away', () => {
  const frame = Buffer.from(encodeFrame([appendOf([new Uint8Array(20).fill(9)])]));
  const [message] = decodeFrame(frame) ?? [];
  const entry = message?.type === 'append' ? message.entries[0] : undefined;
  const payload = entry?.kind === 'command' ? entry.payload : undefined;
  equal(payload?.buffer, frame.buffer);
  equal(payload?.constructor, Uint8Array);
});

test('a frame without messages is a frame', () => {
  deepEqual([...encodeFrame([])], [0x90]);
  deepEqual(decodeFrame(encodeFrame([])), []);
});

test('the longest append that the limits allow fits a frame', () => {
  const count = Math.floor(RAFT_LIMITS.appendBytesMax / ENTRY_OVERHEAD_BYTES);
  const payloads = new Array(count).fill(new Uint8Array(0));
  const messages = [appendOf(payloads)];
  deepEqual(decodeFrame(encodeFrame(messages))?.length, 1);
});

test('the largest payload fits a frame, and one byte more is a broken invariant', () => {
  const largest = appendOf([new Uint8Array(WIRE_LIMITS.payloadBytesMax)]);
  deepEqual(decodeFrame(encodeFrame([largest])), [largest]);
  const larger = appendOf([new Uint8Array(WIRE_LIMITS.payloadBytesMax + 1)]);
  throws(() => encodeFrame([larger]), { name: 'AssertionFailure' });
});

test('an encoder that failed midway encodes the next frame correctly', () => {
  throws(() => encodeFrame([HEARTBEAT, { ...HEARTBEAT, term: -1 }]), { name: 'AssertionFailure' });
  deepEqual(decodeFrame(encodeFrame([HEARTBEAT])), [HEARTBEAT]);
});

for (const term of [-1, 1.5, Number.NaN, 2 ** 52 + 1, Number.POSITIVE_INFINITY, 300.5, 70_000.5]) {
  test(`${term} is never sent as a term`, () => {
    throws(() => encodeFrame([{ ...HEARTBEAT, term }]), { name: 'AssertionFailure' });
  });
}

test('more than one frame can hold goes into several, in order', () => {
  const { frameBytesMax } = WIRE_LIMITS;
  const payload = new Uint8Array(RAFT_LIMITS.appendBytesMax);
  const length = Math.ceil((2.5 * frameBytesMax) / payload.length);
  const large = Array.from({ length }, () => appendOf([payload]));
  const messages = large.map((message, at) => ({ ...message, shard: at as ShardId }));
  const frames = encodeFrames(messages);
  equal(frames.length, 3);
  deepEqual(
    frames.flatMap((frame) => decodeFrame(frame) ?? []).map(({ shard }) => shard),
    messages.map(({ shard }) => shard),
  );
});

test('more messages than one frame may hold go into several', () => {
  const count = WIRE_LIMITS.messagesMax + 1;
  const lengths = encodeFrames(new Array(count).fill(HEARTBEAT)).map(
    (frame) => decodeFrame(frame)?.length ?? 0,
  );
  equal(lengths.length, 2);
  equal((lengths[0] ?? 0) + (lengths[1] ?? 0), count);
});

test('no message takes no frame, few take one', () => {
  deepEqual(encodeFrames([]), []);
  deepEqual(encodeFrames([HEARTBEAT]), [encodeFrame([HEARTBEAT])]);
});

test('no message is longer than the computed bound', () => {
  const random = new Random(7);
  for (const type of MESSAGE_TYPES) {
    for (let round = 0; round < 400; round++) {
      const message = randomMessage(random, type);
      ok(encodeFrame([message]).length <= bytesMaxOf(message) + 8, type);
    }
  }
});
