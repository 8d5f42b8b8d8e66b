/** A million damaged frames: none throws, and whatever is understood has no other spelling. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { Message } from '../../src/raft/message.ts';
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts';
import { byEffort } from '../support/effort.ts';
import { joined, mutate } from '../support/mutate.ts';
import { MESSAGE_TYPES, randomBytes, randomMessage, randomMessages } from './random-message.ts';

const ROUNDS = byEffort({ full: 1_000_000, brief: 40_000 });

/** Upper bounds on what the messages of a frame can hold. */
function sizeOf(messages: readonly Message[]): number {
  let size = messages.length;
  for (const message of messages) if (message.type === 'append') size += message.entries.length;
  return size;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

test(`${ROUNDS} mutated frames are refused, or encode to the same bytes`, () => {
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
  for (let round = 0; round < ROUNDS / 10; round++) {
    const frame = joined([0x90 | random.below(4)], randomBytes(random, 5 + random.below(40)));
    equal(decodeFrame(frame), undefined);
  }
});
