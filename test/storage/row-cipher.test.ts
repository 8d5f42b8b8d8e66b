/** The contract of the cipher of rows, on the product's and on its twin. */

import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import test from 'node:test';
import { ROW_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { TAG_BYTES } from '../../src/storage/sealing/aead.ts';
import { BLOCKS_MAX, blocksOf } from '../../src/storage/sealing/key-stream.ts';
import {
  HEAD_BYTES,
  type PlacedRow,
  type RowCipher,
  type RowKeys,
  rowCipher,
  SHORT_TEXT_BYTES_MAX,
} from '../../src/storage/sealing/row-cipher.ts';
import { PREFIX_BYTES } from '../../src/storage/state/state-key.ts';
import { plainRowCipher } from '../support/twins/row-cipher.ts';

const CIPHERS = [
  { name: 'the product', open: rowCipher, other: plainRowCipher },
  { name: 'the twin', open: plainRowCipher, other: rowCipher },
] as const;
/** Around blocks and what is short. */
const SIZES = [0, 1, 8, 15, 16, 17, 300, SHORT_TEXT_BYTES_MAX - 1, SHORT_TEXT_BYTES_MAX];
const [STORED, OTHER] = [bytesOf('a stored key'), bytesOf('another key')];

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function drawn(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function keysOf(random: Random): RowKeys {
  const key = () => createSecretKey(drawn(random, 32));
  return { cipher: key(), tag: key() };
}

function sealed(
  cipher: RowCipher,
  first: number,
  text: Uint8Array,
  stored: Uint8Array = STORED,
): PlacedRow {
  const row = new Uint8Array(HEAD_BYTES + text.length + TAG_BYTES);
  row.fill(7, 0, HEAD_BYTES);
  const placed = { stored, first, row };
  cipher.seal(placed, text);
  return placed;
}

function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

for (const { name, open, other } of CIPHERS) {
  test(`${name}: rows of all sizes and places open by the other, and are the same bytes`, () => {
    const random = new Random(61);
    const keys = keysOf(random);
    const [cipher, reference] = [open(keys), other(keys)];
    for (const first of [0, 1, 2 ** 32 - 3, 2 ** 40 + 5, BLOCKS_MAX - 2 ** 17]) {
      let next = first;
      for (const size of SIZES) {
        const text = drawn(random, size);
        const placed = sealed(cipher, next, text);
        next += blocksOf(size);
        assert.ok(isSame(placed.row, sealed(reference, placed.first, text).row), `${size} bytes`);
        assert.ok(isSame(reference.open(placed), text), `${size} bytes at ${first}`);
        assert.ok(isSame(cipher.open(placed), text));
        assert.ok(isSame(cipher.openFirst([placed])[0], text.slice(0, 16)));
      }
    }
  });

  test(`${name}: rows under keys of all lengths are the same bytes`, () => {
    const random = new Random(65);
    const keys = keysOf(random);
    const [cipher, reference] = [open(keys), other(keys)];
    const end = PREFIX_BYTES + ROW_LIMITS.keyBytesMax;
    for (const length of [0, 1, 5, 63, 64, 4106, 7064, 7065, end, end + 250, end + 300, 3 * end]) {
      const stored = drawn(random, length);
      for (const size of SIZES) {
        const text = drawn(random, size);
        const placed = sealed(cipher, 9, text, stored);
        assert.ok(isSame(placed.row, sealed(reference, 9, text, stored).row), `${length}, ${size}`);
        assert.ok(isSame(cipher.open(placed), text));
        assert.ok(isSame(cipher.openFirst([placed])[0], text.slice(0, 16)));
      }
    }
  });

  test(`${name}: many short rows after each other have the stream of each`, () => {
    const random = new Random(62);
    const keys = keysOf(random);
    const [cipher, reference] = [open(keys), other(keys)];
    const rows: PlacedRow[] = [];
    const texts: Uint8Array[] = [];
    let next = 0;
    for (let nth = 0; nth < 2000; nth++) {
      const text = drawn(random, random.below(random.chance(0.01) ? SHORT_TEXT_BYTES_MAX : 200));
      texts.push(text);
      rows.push(sealed(cipher, next, text));
      // A life's rows are sealed in this order, and none is left out.
      next += blocksOf(text.length);
    }
    const beginnings = cipher.openFirst(rows);
    for (const [at, text] of texts.entries()) {
      assert.ok(isSame(reference.open(rows[at] as PlacedRow), text));
      assert.ok(isSame(beginnings[at], text.slice(0, 16)));
    }
  });

  test(`${name}: a flipped bit anywhere, and another key or length, does not open`, () => {
    const random = new Random(63);
    const cipher = open(keysOf(random));
    const placed = sealed(cipher, 5, drawn(random, 40));
    const { row } = placed;
    const fails = (changed: PlacedRow, what: string) => {
      assert.equal(cipher.open(changed), undefined, what);
      assert.deepEqual(
        cipher.openFirst([placed, changed]).map((text) => text?.length),
        [16, undefined],
      );
    };
    for (let at = 0; at < row.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = row.map((byte, place) => (place === at ? byte ^ (1 << bit) : byte));
        fails({ ...placed, row: changed }, `bit ${bit} of byte ${at}`);
      }
      fails({ ...placed, row: row.slice(at + 1) }, `without ${at + 1} bytes`);
      fails({ ...placed, row: row.slice(0, at) }, `${at} bytes`);
    }
    fails({ ...placed, stored: OTHER }, 'under another key');
    assert.equal(open(keysOf(random)).open(placed), undefined);
    // The end of the key is authenticated: the first byte of the row is not a part of the key.
    const longer = Uint8Array.of(...STORED, row[0] as number);
    fails({ ...placed, stored: longer, row: row.slice(1) }, 'with a byte moved to the key');
  });
}

test('texts that are equal, and empty ones, have different rows', () => {
  const cipher = rowCipher(keysOf(new Random(64)));
  const text = new Uint8Array(64);
  const [one, other] = [sealed(cipher, 0, text), sealed(cipher, blocksOf(64), text)];
  assert.ok(!isSame(one.row.subarray(HEAD_BYTES), other.row.subarray(HEAD_BYTES)));
  assert.equal(blocksOf(0), 1);
  assert.equal(blocksOf(16), 1);
  assert.equal(blocksOf(17), 2);
});
