/** Frames in pieces: streams interleave, frames arrive whole, and invalid bytes are reported. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { WIRE_LIMITS } from '../../src/base/limits.ts';
import {
  encodeMark,
  encodePiece,
  isPlain,
  PIECE_HEADER_BYTES,
  PieceReader,
} from '../../src/transport/pieces.ts';

const more = { isLast: false };
const last = { isLast: true };

function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

function newReader(bytesMax = 1000): PieceReader {
  return new PieceReader({ bytesMax });
}

test('pieces of several streams become their frames again', () => {
  const reader = newReader();
  assert.deepEqual(reader.take(encodePiece(1, bytes(1, 2), more)), { type: 'piece' });
  assert.deepEqual(reader.take(encodePiece(2 ** 32 - 1, bytes(9), more)), { type: 'piece' });
  assert.deepEqual(reader.take(bytes(5)), { type: 'frame', bytes: bytes(5) });
  const one = reader.take(encodePiece(1, bytes(3), last));
  assert.deepEqual(one, { type: 'frame', bytes: bytes(1, 2, 3) });
  const two = reader.take(encodePiece(2 ** 32 - 1, bytes(8), last));
  assert.deepEqual(two, { type: 'frame', bytes: bytes(9, 8) });
});

test('a frame that looks like a piece is sent as a piece', () => {
  const frame = bytes(0xc1, 7);
  assert.equal(isPlain(frame), false);
  assert.deepEqual(newReader().take(encodePiece(0, frame, last)), { type: 'frame', bytes: frame });
});

test('marks and their answers have numbers', () => {
  for (const type of ['mark', 'answer'] as const) {
    assert.deepEqual(newReader().take(encodeMark(type, 70_000)), { type, number: 70_000 });
  }
});

test('bytes that are no piece are reported', () => {
  const mark = encodeMark('mark', 1);
  const nonsense = [
    bytes(0xc1),
    mark.subarray(0, PIECE_HEADER_BYTES - 1),
    bytes(...mark, 0),
    bytes(0xc1, 9, 0, 0, 0, 1),
    encodePiece(1, bytes(), last),
  ];
  for (const part of nonsense) assert.deepEqual(newReader().take(part), { type: 'malformed' });
});

test('incomplete frames are bounded, and their memory is released', () => {
  const reader = newReader(10);
  for (let round = 0; round < 10; round++) {
    assert.equal(reader.take(encodePiece(round, new Uint8Array(10), more)).type, 'piece');
    assert.equal(reader.take(encodePiece(round, bytes(1), last)).type, 'frame');
  }
  assert.equal(reader.take(encodePiece(1, new Uint8Array(6), more)).type, 'piece');
  assert.equal(reader.take(encodePiece(2, new Uint8Array(6), more)).type, 'malformed');
  const large = new Uint8Array(WIRE_LIMITS.frameBytesMax + 1);
  assert.equal(newReader(2 ** 40).take(encodePiece(1, large, last)).type, 'malformed');
});
