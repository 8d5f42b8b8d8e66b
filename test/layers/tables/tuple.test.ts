/** Values as bytes: they sort as the values do, and no encoding is a prefix of another one. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import { partsAt, placeOf } from '../../../src/layers/tables/layout.ts';
import {
  behind,
  compareBytes,
  decodeParts,
  encodePart,
  encodeTextPrefix,
  joinBytes,
  type TuplePart,
} from '../../../src/layers/tables/tuple.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import { byEffort } from '../../support/effort.ts';

const KINDS = ['absent', 'boolean', 'number', 'bigint', 'date', 'text', 'bytes'];

function kindOf(value: TuplePart): number {
  if (value === null) return 0;
  if (value instanceof Date) return 4;
  if (value instanceof Uint8Array) return 6;
  return KINDS.indexOf(typeof value === 'string' ? 'text' : typeof value);
}

/** The order that is promised, by the values alone. */
function compareValues(one: TuplePart, other: TuplePart): number {
  const kinds = kindOf(one) - kindOf(other);
  if (kinds !== 0) return kinds;
  if (one instanceof Uint8Array) return compareLists([...one], [...(other as Uint8Array)]);
  if (typeof one === 'string') {
    const points = (text: string) => Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
    return compareLists(points(one), points(other as string));
  }
  const [a, b] = [one, other] as [number, number];
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareLists(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index]);
  if (at < 0) return one.length - other.length;
  return other[at] === undefined ? 1 : (one[at] as number) - other[at];
}

const EDGES = [
  '',
  '\0',
  '\u0001',
  '\0\0',
  'a',
  'a\0',
  'a\u0001',
  '}',
  '|',
  '{}',
  '|}',
  '\uffff',
  '😀',
];

function anyPart(random: Random): TuplePart {
  switch (random.below(7)) {
    case 0:
      return random.chance(0.3) ? null : random.chance(0.5);
    case 1:
      return (random.below(2000) - 1000) / random.pick([1, 3, 1e-9, 1e9, 1e300]);
    case 2:
      return random.pick([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 5e-324, 2 ** 53]);
    case 3:
      return BigInt(random.below(600) - 300) ** BigInt(random.below(12));
    case 4:
      return new Date(random.below(1e6) * 1e6 - 5e11);
    case 5:
      return random.pick(EDGES) + random.pick(EDGES);
    default:
      return Uint8Array.from({ length: random.below(4) }, () =>
        random.pick([0, 1, 2, 0x7b, 0x7c, 0x7d, 0xff]),
      );
  }
}

function encoded(value: TuplePart): Uint8Array {
  const bytes = encodePart(value);
  ok(typeof bytes !== 'string', String(bytes));
  return bytes;
}

test('encoded parts sort as their values, one part by one', () => {
  const random = new Random(5);
  for (let round = 0; round < byEffort({ brief: 3000, full: 20_000 }); round++) {
    const [one, other] = [0, 1].map(() => Array.from({ length: 3 }, () => anyPart(random))) as [
      TuplePart[],
      TuplePart[],
    ];
    const at = one.findIndex((part, index) => compareValues(part, other[index] ?? null) !== 0);
    const expected = at < 0 ? 0 : compareValues(one[at] ?? null, other[at] ?? null);
    const plain = compareBytes(joinBytes(...one.map(encoded)), joinBytes(...other.map(encoded)));
    const placed = compareBytes(placeOf(one.map(encoded)), placeOf(other.map(encoded)));
    equal(Math.sign(plain), Math.sign(expected), `${String(one)} and ${String(other)}`);
    equal(Math.sign(placed), Math.sign(expected), `${String(one)} and ${String(other)} placed`);
  }
});

test('encoded parts are decoded to what they were', () => {
  const random = new Random(6);
  for (let round = 0; round < 2000; round++) {
    const parts = Array.from({ length: 1 + random.below(3) }, () => anyPart(random));
    deepEqual(decodeParts(joinBytes(...parts.map(encoded))), parts);
    deepEqual(partsAt(placeOf(parts.map(encoded))), parts);
  }
  deepEqual(decodeParts(encoded(-0)), [0]);
});

test('no part begins with another one, and texts with a prefix are a range', () => {
  const random = new Random(7);
  for (let round = 0; round < 2000; round++) {
    const [one, other] = [anyPart(random), anyPart(random)];
    const [short, long] = [encoded(one), encoded(other)];
    const isPrefix = compareBytes(long.subarray(0, short.length), short) === 0;
    equal(isPrefix, compareValues(one, other) === 0, `${String(one)} and ${String(other)}`);
    if (typeof one !== 'string' || typeof other !== 'string') continue;
    const from = encodeTextPrefix(one);
    const isInside = compareBytes(long, from) >= 0 && compareBytes(long, behind(from)) < 0;
    equal(isInside, other.startsWith(one));
  }
});

test('the first part alone decides on the shard, whatever bytes it has', () => {
  const random = new Random(8);
  for (let round = 0; round < 2000; round++) {
    const first = encoded(anyPart(random));
    const prefixes = ['r:users:', 'i:users:7:'].map((text) => new TextEncoder().encode(text));
    const positions = prefixes.map((prefix) =>
      keyPosition(joinBytes(prefix, placeOf([first, encoded(anyPart(random))]))),
    );
    equal(positions[0], positions[1]);
  }
});

test('values that have no place in an order are refused by what they are', () => {
  equal(encodePart(Number.NaN), 'not a number (NaN)');
  equal(encodePart(new Date(Number.NaN)), 'an invalid date');
  equal(encodePart('\ud800'), 'a text with a lone surrogate');
  equal(encodePart({}), 'of type object');
  equal(encodePart([1]), 'an array');
  equal(encodePart(1n << 1000n), 'a bigint of more than 120 bytes');
});
