/** Keys that are tuples: their bytes sort as their parts do, and decode to the same parts. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { compareBytes } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/random.ts';
import { behindPrefix, encodeKey, type Key, type KeyPart, keyFrom } from '../../src/client/key.ts';

const RANKS = ['bytes', 'string', 'integer', 'float', 'boolean'];

function kindOf(part: KeyPart): string {
  if (part instanceof Uint8Array) return 'bytes';
  if (typeof part === 'bigint') return 'integer';
  if (typeof part === 'number') return Number.isSafeInteger(part) ? 'integer' : 'float';
  return typeof part;
}

function compareParts(one: KeyPart, other: KeyPart): number {
  const rank = RANKS.indexOf(kindOf(one)) - RANKS.indexOf(kindOf(other));
  if (rank !== 0) return rank;
  if (one instanceof Uint8Array || typeof one === 'string') {
    return Buffer.compare(Buffer.from(one as string), Buffer.from(other as string));
  }
  return one < other ? -1 : one > other ? 1 : 0;
}

function compareTuples(one: readonly KeyPart[], other: readonly KeyPart[]): number {
  for (const [at, part] of one.entries()) {
    const against = other[at];
    if (against === undefined) return 1;
    const order = compareParts(part, against);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

function randomPart(random: Random): KeyPart {
  switch (random.below(6)) {
    case 0:
      return Uint8Array.from({ length: random.below(4) }, () => random.pick([0, 1, 254, 255]));
    case 1:
      return Array.from({ length: random.below(4) }, () => random.pick(['\0', 'a', 'é'])).join('');
    case 2:
      return random.between(0, 600) - 300;
    case 3:
      return BigInt.asIntN(64, BigInt(random.word()) ** 2n) * random.pick([1n, -1n]);
    case 4:
      return random.pick([-1.5, -0.25, 0.5, 2.75, 1e300, Number.POSITIVE_INFINITY]);
    default:
      return random.chance(0.5);
  }
}

test('tuples sort by their parts, kind before value', () => {
  const random = new Random(3);
  for (let round = 0; round < 20_000; round++) {
    const [one, other] = [1, 2].map(() =>
      Array.from({ length: random.between(1, 3) }, () => randomPart(random)),
    ) as [KeyPart[], KeyPart[]];
    const expected = Math.sign(compareTuples(one, other));
    const found = Math.sign(compareBytes(encodeKey(one), encodeKey(other)));
    equal(found, expected, `${String(one)} against ${String(other)}`);
  }
});

test('tuples decode to what was encoded', () => {
  const random = new Random(4);
  for (let round = 0; round < 5000; round++) {
    const parts = Array.from({ length: random.between(1, 4) }, () => randomPart(random));
    const safe = parts.map((part) => {
      const isSmall = typeof part === 'bigint' && Number.isSafeInteger(Number(part));
      return isSmall ? Number(part) : part;
    });
    deepEqual(keyFrom(encodeKey(parts), 'tuple'), safe);
  }
});

test('parts that a key cannot have are refused, and bytes that are not a tuple stay bytes', () => {
  throws(() => encodeKey([Number.NaN]), { code: 'invalid-argument' });
  throws(() => encodeKey([2n ** 64n]), { code: 'invalid-argument' });
  for (const bytes of [[0x02, 0x61], [0x15], [0x21, 0], [0x7f], [0x02, 0xff, 0x00]]) {
    deepEqual(keyFrom(Uint8Array.from(bytes), 'tuple'), Uint8Array.from(bytes));
  }
  deepEqual(keyFrom(Uint8Array.from([0xff]), 'text'), Uint8Array.from([0xff]));
});

test('whatever is no key is refused, and the message has the part and what is allowed', () => {
  const refusals: readonly (readonly [key: unknown, message: RegExp])[] = [
    [null, /a key must be a text, a Uint8Array, or a tuple.*; got null/],
    [undefined, /got undefined/],
    [7, /a tuple of parts such as \["order", 7\]; got number/],
    [7n, /got bigint/],
    [true, /got boolean/],
    [{ length: 1, 0: 'a' }, /got object/],
    [new Map(), /got Map/],
    [new Uint16Array(1), /got Uint16Array/],
    [Symbol('a'), /got symbol/],
    ['user:\ud800', /the key has the lone surrogate U\+D800 at position 5/],
    ['\udc00'.padStart(100, 'a'), /U\+DC00 at position 99/],
    [['a', null], /part 1 of the key is null; a part must be a text, a number/],
    [[undefined], /part 0 of the key is undefined/],
    [['a', 1, Number.NaN], /part 2 of the key is NaN/],
    [[['a']], /part 0 of the key is array/],
    [[{}], /part 0 of the key is object/],
    [[new Date(0)], /part 0 of the key is Date/],
    [Object.assign(new Array(2), { 0: 'a' }), /part 1 of the key is undefined/],
    [['ok', '\ud83d'], /part 1 of the key has the lone surrogate U\+D83D at position 0/],
    [[2n ** 64n], /part 0 of the key is 18446744073709551616; .* at most 64 bits/],
  ];
  for (const [key, message] of refusals) {
    throws(() => encodeKey(key as Key), { code: 'invalid-argument', message });
  }
});

test('no two keys that are allowed have the same bytes', () => {
  const parts: readonly KeyPart[] = [0, 0.5, Number.POSITIVE_INFINITY, '', '0', 1n, true, false];
  const pair = '\u{1f600}';
  const keys: readonly Key[] = [...parts.map((part) => [part]), pair, [pair], '\ufffd', ['\ufffd']];
  const bytes = new Set(keys.map((key) => Buffer.from(encodeKey(key)).toString('hex')));
  equal(bytes.size, keys.length);
});

test('bytes are copied, and those of another realm are bytes', () => {
  const buffer = Buffer.from('abc');
  const encoded = encodeKey(buffer);
  buffer[0] = 0;
  deepEqual(encoded, Uint8Array.from([97, 98, 99]));
  const foreign: unknown = runInNewContext('new Uint8Array([1, 2])');
  equal(foreign instanceof Uint8Array, false, 'it is of another realm');
  deepEqual(encodeKey(foreign as Key), Uint8Array.from([1, 2]));
  deepEqual(encodeKey([foreign as KeyPart]), encodeKey([Uint8Array.from([1, 2])]));
  deepEqual(encodeKey(runInNewContext('["a", 1]') as Key), encodeKey(['a', 1]));
});

test('the end of a prefix follows all keys that begin with it, and nothing is between', () => {
  deepEqual(behindPrefix(Uint8Array.from([1, 2])), Uint8Array.from([1, 3]));
  deepEqual(behindPrefix(Uint8Array.from([1, 255, 255])), Uint8Array.from([2]));
  deepEqual(behindPrefix(Uint8Array.from([255])), new Uint8Array(0));
  ok(compareBytes(Uint8Array.from([1, 2, 255, 255]), behindPrefix(Uint8Array.from([1, 2]))) < 0);
});
