/** Keys that all have one hash: a client that chooses them delays no other. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { hash } from '../../src/base/hash.ts';
import { WrittenKeys } from '../../src/machine/written-keys.ts';

const MASK = 0xffff_ffff;
const PRIME_3 = 3_266_489_917;
const PRIME_4 = 668_265_263;
const PRIME_5 = 374_761_393;

/** The word that brings a sum to this value: XXH32 goes back step by step. */
function inverseOf(prime: number): number {
  let inverse = 1;
  for (let at = 0; at < 5; at++) inverse = Math.imul(inverse, 2 - Math.imul(prime, inverse));
  return inverse >>> 0;
}

function rotated(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0;
}

/** Eight bytes, the first four as told, such that the state behind them is this one. */
function keyWith(first: number, state: number): Uint8Array {
  const begin = (PRIME_5 + 8) >>> 0;
  const behindFirst =
    Math.imul(rotated((begin + Math.imul(first, PRIME_3)) >>> 0, 17), PRIME_4) >>> 0;
  const before = rotated(Math.imul(state, inverseOf(PRIME_4)) >>> 0, 15);
  const second = Math.imul((before - behindFirst) & MASK, inverseOf(PRIME_3)) >>> 0;
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(0, first, true);
  new DataView(key.buffer).setUint32(4, second, true);
  return key;
}

const KEYS = Array.from({ length: 5000 }, (_, at) => keyWith(at + 1, 0x1234_5678));

test('the keys of this test have one hash', () => {
  equal(new Set(KEYS.map((key) => hash(key))).size, 1);
  equal(new Set(KEYS.map((key) => key.join())).size, KEYS.length);
});

test('a crowded table finds, removes and forgets keys as any other', () => {
  const written = new WrittenKeys();
  written.begin(KEYS.length);
  const took = KEYS.map((key) => written.add(key));
  ok(took.every((isNew) => isNew));
  ok(KEYS.every((key) => written.has(key) && !written.add(key)));
  written.cutTo(10);
  equal(written.count, 10);
  deepEqual(
    [written.has(KEYS[9] as Uint8Array), written.has(KEYS[10] as Uint8Array)],
    [true, false],
  );
  ok(written.add(KEYS[10] as Uint8Array));
  written.cutTo(3);
  deepEqual(
    [written.has(KEYS[2] as Uint8Array), written.has(KEYS[3] as Uint8Array)],
    [true, false],
  );
  written.begin(KEYS.length);
  equal(written.has(KEYS[0] as Uint8Array), false);
});

test('it takes steps in proportion to the keys, not to their square', () => {
  const comparisons = (count: number): number => {
    let bytes = 0;
    const counted = KEYS.slice(0, count).map((key) => {
      return new Proxy(key, {
        get: (target, name) => {
          if (typeof name === 'string' && /^\d+$/.test(name)) bytes += 1;
          const value = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    });
    const written = new WrittenKeys();
    written.begin(count);
    for (const key of counted) {
      try {
        written.add(key);
      } catch {
        // A text is not made of a proxy: from there on keys are not walked along any more.
        break;
      }
    }
    return bytes;
  };
  ok(comparisons(5000) < 200_000, 'beyond a few steps the table is given up');
});
