/** Results of a writer belong to their receivers, also those that are not copied. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Reader, Writer } from '../../src/base/message-pack.ts';

const LONG = 100_000;

function written(writer: Writer, byte: number, length: number): Uint8Array {
  writer.bytes(new Uint8Array(length).fill(byte));
  writer.count(byte);
  return writer.take();
}

function assertIs(bytes: Uint8Array, byte: number, length: number): void {
  const reader = new Reader(bytes);
  assert.deepEqual(reader.bytes(LONG), new Uint8Array(length).fill(byte));
  assert.equal(reader.count(), byte);
  assert.ok(!reader.isBroken && reader.left === 0);
}

test('a result does not change with later ones, whatever was expected', () => {
  const writer = new Writer();
  const results: { bytes: Uint8Array; byte: number; length: number }[] = [];
  let byte = 0;
  for (const length of [10, LONG, 10, LONG, LONG, 5000]) {
    for (const expected of [10, length, length + 20, 0, 40_000, 3 * LONG]) {
      byte += 1;
      writer.expect(expected);
      results.push({ bytes: written(writer, byte, length), byte, length });
    }
  }
  for (const { bytes, byte, length } of results) assertIs(bytes, byte, length);
});

test('a long result has memory of its own, of about its size', () => {
  const writer = new Writer();
  for (const expected of [LONG + 20, 3 * LONG]) {
    writer.expect(expected);
    const { buffer } = written(writer, 1, LONG);
    assert.ok(buffer.byteLength < LONG * 1.4, `${buffer.byteLength} for ${LONG}`);
  }
});

test('an expected result that was given up leaves the writer as it was', () => {
  const writer = new Writer();
  writer.expect(LONG);
  writer.count(1);
  writer.clear();
  assert.equal(writer.length, 0);
  assertIs(written(writer, 2, 100), 2, 100);
});
