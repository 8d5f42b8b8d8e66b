/** A million damaged frames: none throws, and whatever is understood has no other spelling. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { Message } from '../../src/raft/message.ts';
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts';
import { MESSAGE_TYPES, randomBytes, randomMessage, randomMessages } from './random-message.ts';

const ROUNDS = 1_000_000;

/** Headers that claim much, and tokens that have no place here. */
const SPLICES: readonly (readonly number[])[] = [
  [0xdd, 0x00, 0x7f, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xdc, 0x00, 0x10],
  [0xc6, 0x7f, 0xff, 0xff, 0xff],
  [0xc5, 0xff, 0xff],
  [0xdf, 0x00, 0x7f, 0xff, 0xff],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
  [0xc9, 0, 0, 0, 1, 0x72, 0x40],
  [0xc0],
  [0xff],
  [0x90],
];

function mutate(random: Random, frame: Uint8Array): Uint8Array {
  const at = random.below(frame.length);
  switch (random.below(6)) {
    case 0:
      return changed(frame, at, (frame[at] ?? 0) ^ (1 << random.below(8)));
    case 1:
      return changed(frame, at, random.below(256));
    case 2:
      return frame.slice(0, at);
    case 3:
      return joined(frame, randomBytes(random, 1 + random.below(4)));
    case 4:
      return joined(frame.subarray(0, at), random.pick(SPLICES), frame.subarray(at));
    default:
      return joined(frame.subarray(0, at), frame.subarray(random.below(frame.length)));
  }
}

function changed(frame: Uint8Array, at: number, byte: number): Uint8Array {
  const result = frame.slice();
  result[at] = byte;
  return result;
}

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Upper bounds on what the messages of a frame can hold. */
function sizeOf(messages: readonly Message[]): number {
  let size = messages.length;
  for (const message of messages) if (message.type === 'append') size += message.entries.length;
  return size;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

test('a million mutated frames are refused, or are spelled as they were', () => {
  const random = new Random(5);
  const corpus = MESSAGE_TYPES.flatMap((type) =>
    Array.from({ length: 20 }, () => encodeFrame([randomMessage(random, type)])),
  ).concat(Array.from({ length: 40 }, () => encodeFrame(randomMessages(random, 5))));
  const small = corpus.filter((frame) => frame.length < 600);
  let understood = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let frame = mutate(random, random.pick(small));
    if (frame.length > 0 && random.chance(0.3)) frame = mutate(random, frame);
    const messages = decodeFrame(frame);
    if (messages === undefined) continue;
    understood += 1;
    ok(sizeOf(messages) <= frame.length, 'no more is made than was sent');
    if (!isEqual(encodeFrame(messages), frame)) deepEqual(encodeFrame(messages), frame);
  }
  ok(understood > ROUNDS / 20, `mutants stay close to frames: ${understood}`);
  ok(understood < ROUNDS / 2, `mutants leave what is a frame: ${understood}`);
});

test('random bytes are refused', () => {
  const random = new Random(6);
  for (let round = 0; round < 100_000; round++) {
    const frame = joined([0x90 | random.below(4)], randomBytes(random, 5 + random.below(40)));
    equal(decodeFrame(frame), undefined);
  }
});
