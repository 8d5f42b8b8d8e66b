/** A lane waits for nothing but its path. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { TRANSPORT_LIMITS } from '../../src/base/transport-limits.ts';
import { PacedLane } from '../../src/transport/paced-lane.ts';
import { encodeMark, isPlain, PieceReader } from '../../src/transport/pieces.ts';

const MEBIBYTE = 1024 * 1024;

interface Lane {
  readonly line: PacedLane;
  readonly sent: Uint8Array[];
  readonly clock: { now: number };
}

function laneOf(): Lane {
  const sent: Uint8Array[] = [];
  const clock = { now: 0 };
  const socket = {
    address: '',
    bytesReceived: 0,
    bytesUnfinished: 0,
    bytesBuffered: 0,
    send: (bytes: Uint8Array) => void sent.push(bytes),
    flush: () => {},
    pause: () => {},
    resume: () => {},
    ping: () => {},
    close: () => {},
  };
  const now = () => clock.now;
  const line = new PacedLane({ socket, limits: TRANSPORT_LIMITS, bytesMax: MEBIBYTE, now });
  return { line, sent, clock };
}

/** The other side answers every mark at once. */
function answerAll({ line, sent }: Lane): number {
  const reader = new PieceReader({ bytesMax: MEBIBYTE });
  let frames = 0;
  for (let bytes = sent.shift(); bytes !== undefined; bytes = sent.shift()) {
    const part = reader.take(bytes);
    if (part.type === 'frame') frames += 1;
    if (part.type === 'mark') line.take(encodeMark('answer', part.number));
  }
  return frames;
}

test('a lane that has answered many marks can still send', () => {
  const lane = laneOf();
  for (let number = 1; number <= 20_000; number++) {
    lane.clock.now += 50;
    lane.line.take(encodeMark('mark', number));
  }
  lane.sent.length = 0;
  const frame = new Uint8Array(1000).fill(0x91);
  assert.ok(isPlain(frame));
  assert.ok(lane.line.send(frame, 1));
  assert.equal(answerAll(lane), 1);
  assert.equal(lane.line.buffered, 0);
});

test('queued frames leave in the end, however answers changed the window', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const lane = laneOf();
    const { line, clock } = lane;
    const frame = new Uint8Array(12_000).fill(0x91);
    const marks: number[] = [];
    for (let round = 0; round < 30; round++) {
      for (let step = 0; step < 12; step++) {
        const isBeat = random.chance(0.3);
        const size = isBeat ? 50 : 1 + random.below(frame.length);
        line.send(frame.subarray(0, size), isBeat ? undefined : random.below(4));
        collectMarks(lane, marks);
        if (random.chance(0.5)) answerOldest(lane, marks);
      }
      while (line.buffered > 0) {
        assert.ok(marks.length > 0, `seed ${seed}: no mark releases the queue`);
        clock.now += random.chance(0.2) ? random.below(3000) : random.below(4);
        answerOldest(lane, marks);
      }
    }
  }
});

test('a window that shrinks below the bytes in flight sends a mark', () => {
  const lane = laneOf();
  const { line, clock } = lane;
  const frame = new Uint8Array(8000).fill(0x91);
  const marks: number[] = [];
  for (let round = 0; round < 100; round++) {
    for (let at = 0; at < 40; at++) line.send(frame, at);
    collectMarks(lane, marks);
    clock.now += 2;
    while (marks.length > 0) answerOldest(lane, marks);
  }
  while (marks.length === 0 || line.room.now > frame.length) {
    line.send(frame, 1);
    collectMarks(lane, marks);
    if (marks.length === 2) answerOldest(lane, marks);
  }
  assert.deepEqual([line.buffered, marks.length], [0, 1]);
  clock.now += 3000;
  answerOldest(lane, marks);
  line.send(frame, 1);
  collectMarks(lane, marks);
  assert.deepEqual([line.buffered, marks.length > 0], [frame.length, true]);
  answerOldest(lane, marks);
  assert.equal(line.buffered, 0);
});

test('a large frame travels in pieces that fit its path', () => {
  const lane = laneOf();
  const { line, sent, clock } = lane;
  const frame = new Uint8Array(MEBIBYTE / 2).fill(0x91);
  const pieceLengths = () => {
    // Not above the window.
    const room = line.room.now;
    line.send(frame, 1);
    const lengths: number[] = [];
    const reader = new PieceReader({ bytesMax: MEBIBYTE });
    while (sent.length > 0) {
      for (const bytes of sent.splice(0)) {
        const part = reader.take(bytes);
        if (part.type === 'mark') {
          clock.now += 1;
          line.take(encodeMark('answer', part.number));
        } else lengths.push(bytes.length);
        if (part.type === 'frame') assert.deepEqual(part.bytes, frame);
      }
    }
    assert.equal(line.buffered, 0);
    // No piece takes more than a small part of what may be in flight.
    const longest = Math.max(TRANSPORT_LIMITS.pieceBytesMax, room / 8) + 6;
    assert.ok((lengths[0] ?? 0) <= longest, `${lengths[0]} of ${room}`);
    return lengths;
  };
  const first = pieceLengths();
  for (let round = 0; round < 20; round++) pieceLengths();
  const last = pieceLengths();
  assert.ok(last.length < first.length / 2, `${last.length} pieces, ${first.length} at first`);
});

function collectMarks({ sent }: Lane, marks: number[]): void {
  const reader = new PieceReader({ bytesMax: MEBIBYTE });
  for (const bytes of sent.splice(0)) {
    const part = reader.take(bytes);
    if (part.type === 'mark') marks.push(part.number);
  }
}

function answerOldest(lane: Lane, marks: number[]): void {
  const number = marks.shift();
  if (number !== undefined) lane.line.take(encodeMark('answer', number));
  collectMarks(lane, marks);
}
