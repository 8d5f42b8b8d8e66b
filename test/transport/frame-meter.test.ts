/** How much of a message has arrived, by the headers of its frames, however they are cut. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { FrameMeter } from '../../src/transport/frame-meter.ts';

interface FrameOptions {
  readonly code?: number;
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
}

function frame(bytes: number, { code = 2, isFinal = true, isMasked = true }: FrameOptions = {}) {
  const mask = isMasked ? 0x80 : 0;
  const head = [(isFinal ? 0x80 : 0) | code];
  if (bytes < 126) head.push(mask | bytes);
  else if (bytes < 0x1_0000) head.push(mask | 126, bytes >>> 8, bytes & 0xff);
  else head.push(mask | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((by) => (bytes >>> by) & 0xff));
  if (isMasked) head.push(0, 0, 0, 0);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0x82)]);
}

test('nothing is incomplete after whole frames, with every encoding of a length', () => {
  const meter = new FrameMeter();
  for (const bytes of [0, 1, 125, 126, 127, 65_535, 65_536, 300_000]) {
    for (const isMasked of [true, false]) {
      meter.take(frame(bytes, { isMasked }));
      equal(meter.unfinished, 0, `${bytes}`);
    }
  }
});

test('the bytes of a frame count until its last byte', () => {
  const meter = new FrameMeter();
  const bytes = frame(100_000);
  meter.take(bytes.subarray(0, 50_014));
  equal(meter.unfinished, 50_000);
  meter.take(bytes.subarray(50_014, -1));
  equal(meter.unfinished, 99_999);
  meter.take(bytes.subarray(-1));
  equal(meter.unfinished, 0);
});

test('pieces of a message count together, and pings between them do not', () => {
  const meter = new FrameMeter();
  meter.take(frame(1000, { isFinal: false }));
  meter.take(frame(100, { code: 9 }));
  equal(meter.unfinished, 1000);
  meter.take(frame(500, { code: 0, isFinal: false }));
  equal(meter.unfinished, 1500);
  meter.take(frame(0, { code: 0 }));
  equal(meter.unfinished, 0);
});

test('the boundaries of chunks do not matter', () => {
  const random = new Random(7);
  const frames = Array.from({ length: 50 }, () => frame(random.below(70_000)));
  const last = frame(1000).subarray(0, 508);
  const all = Buffer.concat([...frames, last]);
  for (let round = 0; round < 20; round++) {
    const meter = new FrameMeter();
    for (let at = 0; at < all.length; ) {
      const to = Math.min(all.length, at + (random.chance(0.5) ? 1 : random.between(1, 60_000)));
      meter.take(all.subarray(at, to));
      at = to;
    }
    equal(meter.unfinished, 500);
  }
});

test('a length of 64 bits is a number', () => {
  const meter = new FrameMeter();
  meter.take(Buffer.from('82ff0000000100000000aabbccdd', 'hex'));
  meter.take(Buffer.alloc(1000));
  deepEqual(meter.unfinished, 1000);
});
