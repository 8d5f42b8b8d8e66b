/** Documents: what users write comes back, and bytes of strangers can do nothing but be refused. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { decodeDocument, encodeDocument, faultIn } from '../../src/wire/document.ts';

test('a value decodes to what was encoded', () => {
  const values = [
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 31,
    -(2 ** 40),
    Number.MAX_SAFE_INTEGER,
    2n ** 60n,
    'é',
    'x'.repeat(70_000),
    [],
    [[1], {}],
    { name: 'Ada', tags: ['a'], at: new Date(86_400_000), deep: { n: null } },
    Array.from({ length: 300 }, (_, at) => ({ at, text: String(at) })),
  ];
  for (const value of values)
    deepEqual(decodeDocument(encodeDocument(value) as Uint8Array), { value });
  const bytes = encodeDocument(new Uint8Array([1, 2])) as Uint8Array;
  deepEqual(Buffer.from(decodeDocument(bytes)?.value as Uint8Array), Buffer.from([1, 2]));
});

test('a field that JavaScript takes for the prototype comes back as a field', () => {
  const text = '{"__proto__":{"a":1,"__proto__":[{"__proto__":5}]},"constructor":2}';
  const back = decodeDocument(encodeDocument(JSON.parse(text)) as Uint8Array);
  equal(JSON.stringify(back?.value), text);
  equal(({} as { a?: number }).a, undefined);
});

test('a time that no Date can hold is refused', () => {
  equal(encodeDocument(new Date(Number.NaN)), undefined);
  const latest = new Date(8.64e15);
  const bytes = encodeDocument(latest) as Uint8Array;
  deepEqual(decodeDocument(bytes), { value: latest });
  for (const nanosecondsAndSeconds of [
    [0, 0, 0, 0, 0, 0, 7, 0xdb, 0xa8, 0x21, 0x80, 1],
    [0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
  ]) {
    equal(decodeDocument(Uint8Array.from([0xc7, 12, 0xff, ...nanosecondsAndSeconds])), undefined);
  }
});

test('an integer is encoded as one, so that a counter can continue from it', () => {
  for (const value of [2 ** 31, 2 ** 40, -(2 ** 40)]) {
    ok(![0xca, 0xcb].includes(encodeDocument(value)?.[0] as number));
  }
});

test('code, and values that cannot be decoded, are refused', () => {
  const refused = [
    [],
    [0xdd, 0x00, 0x7f, 0xff, 0xff],
    [0xdc, 0xff, 0xff, 0xdc, 0xff, 0xff],
    [0xd4, 0x72, 0x40],
    [0xc7, 0x01, 0x78, 0x00],
    [0xd4, 0x65, 0x00],
    [0xc1],
    [0x01, 0x02],
    [0x92, 0x01],
    [0xa5, 0x61],
    [0xc6, 0xff, 0xff, 0xff, 0xff],
    [0xd6, 0x01, 0, 0, 0, 0],
    Array.from({ length: 200_000 }, () => 0x91),
  ];
  for (const bytes of refused) equal(decodeDocument(Uint8Array.from(bytes)), undefined);
});

test('no bytes make the decoder throw or hang', () => {
  const random = new Random(7);
  const sound = encodeDocument({
    a: [1, 'two', { three: 3n }],
    b: new Uint8Array(9),
  }) as Uint8Array;
  for (let round = 0; round < 20_000; round++) {
    const bytes = round % 2 === 0 ? sound.slice() : new Uint8Array(random.below(24));
    if (round % 2 === 1) for (const at of bytes.keys()) bytes[at] = random.below(256);
    for (let damage = random.below(4); damage >= 0 && bytes.length > 0; damage--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    decodeDocument(bytes);
  }
});

test('the part that has no encoding is found, and values with an encoding have none', () => {
  deepEqual(faultIn({ tags: [1, { run: () => {} }] })?.path, '.tags[1].run');
  equal(faultIn([[], [new Set()]])?.what, 'Set');
  equal(faultIn([[], [new Set()]])?.path, '[1][0]');
  const sound = [
    null,
    'é',
    -(2n ** 63n),
    2n ** 64n - 1n,
    Buffer.from('a'),
    new Date(0),
    { a: [1] },
  ];
  for (const value of [...sound, sound]) equal(faultIn(value), undefined);
});
