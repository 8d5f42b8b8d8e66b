/** Each schema takes exactly what it writes, and no bytes of another kind, length or order. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { NUMBER_MAX } from '../../src/base/ids.ts';
import { Reader } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import {
  bytes,
  bytesList,
  bytesMaxOf,
  count,
  decode,
  encode,
  fields,
  grown,
  list,
  octets,
  oneOf,
  optional,
  type Schema,
  struct,
  text,
  truth,
  union,
  variant,
  variantIn,
  where,
} from '../../src/base/schema.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';

const POINT = { x: count(), y: count() };
const BY_HAND: Schema<{ readonly type: 'hand'; readonly flag: boolean }> = {
  ...truth,
  write: (writer, { flag }) => writer.truth(flag),
  read: (reader) => ({ type: 'hand', flag: reader.truth() }),
};
const SHAPE = union({
  point: variant(1, POINT),
  line: variant(4, { from: struct(POINT), to: fields(POINT), name: text(8) }),
  none: variant(5, {}),
  hand: variant(6, BY_HAND),
});
const RISING = where(list(count(), { max: 3 }), (all) =>
  all.every((one, at) => at === 0 || one > (all[at - 1] as number)),
);

interface Row {
  readonly what: string;
  readonly schema: Schema<never>;
  /** Values and their bytes. */
  readonly sound: readonly (readonly [unknown, readonly number[]])[];
  readonly hostile: Readonly<Record<string, readonly number[]>>;
}

function row<T>(
  what: string,
  schema: Schema<T>,
  sound: readonly (readonly [NoInfer<T>, readonly number[]])[],
  hostile: Row['hostile'],
): Row {
  return { what, schema: schema as unknown as Schema<never>, sound, hostile };
}

const TABLE: readonly Row[] = [
  row(
    'a count within bounds',
    count({ min: 1, max: 300 }),
    [
      [1, [1]],
      [300, [0xcd, 1, 44]],
    ],
    {
      'below the least': [0],
      'above the greatest': [0xcd, 1, 45],
      'longer than necessary': [0xcd, 0, 200],
      'cut off': [0xcd, 1],
      'a negative number': [0xff],
      'a float': [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
      nil: [0xc0],
    },
  ),
  row(
    'any count',
    count(),
    [
      [0, [0]],
      [NUMBER_MAX, [0xcf, 0, 16, 0, 0, 0, 0, 0, 0]],
    ],
    { 'beyond 2^52': [0xcf, 0, 16, 0, 0, 0, 0, 0, 1] },
  ),
  row(
    'a truth',
    truth,
    [
      [false, [0xc2]],
      [true, [0xc3]],
    ],
    { 'a count': [1], nil: [0xc0], nothing: [] },
  ),
  row(
    'one of some names',
    oneOf(['left', 'right']),
    [
      ['left', [0]],
      ['right', [1]],
    ],
    { 'an index beyond them': [2], 'a text': [0xa1, 0x6c] },
  ),
  row(
    'bytes',
    bytes(2),
    [
      [Uint8Array.of(), [0xc4, 0]],
      [Uint8Array.of(7, 8), [0xc4, 2, 7, 8]],
    ],
    {
      'too many': [0xc4, 3, 7, 8, 9],
      'fewer than announced': [0xc4, 2, 7],
      'a header that is too long': [0xc5, 0, 1, 7],
      'four gigabytes that are not there': [0xc6, 0xff, 0xff, 0xff, 0xff],
      'an extension': [0xd4, 1, 7],
    },
  ),
  row('octets', octets(2), [[Uint8Array.of(7, 8), [0xc4, 2, 7, 8]]], {
    'one too few': [0xc4, 1, 7],
    'one too many': [0xc4, 3, 7, 8, 9],
  }),
  row(
    'a text',
    text(4),
    [
      ['é', [0xc4, 2, 0xc3, 0xa9]],
      ['', [0xc4, 0]],
    ],
    {
      'too long': [0xc4, 5, 97, 97, 97, 97, 97],
      'half a character': [0xc4, 1, 0xc3],
      'a character in too many bytes': [0xc4, 2, 0xc1, 0x81],
      'half of a surrogate pair': [0xc4, 3, 0xed, 0xa0, 0x80],
    },
  ),
  row(
    'a list',
    list(octets(2), { min: 1, max: 2 }),
    [[[Uint8Array.of(1, 2)], [0x91, 0xc4, 2, 1, 2]]],
    {
      'no item': [0x90],
      'too many items': [0x93, 0xc4, 2, 1, 2, 0xc4, 2, 1, 2, 0xc4, 2, 1, 2],
      'an item that is not there': [0x92, 0xc4, 2, 1, 2],
      'more items than bytes': [0xdd, 0xff, 0xff, 0xff, 0xff],
      'a header that is too long': [0xdc, 0, 1, 0xc4, 2, 1, 2],
      'a map': [0x81, 0xc4, 2, 1, 2],
    },
  ),
  row(
    'a list of bytes',
    bytesList({ max: 2, bytesMax: 1 }),
    [
      [[], [0x90]],
      [
        [Uint8Array.of(7), Uint8Array.of()],
        [0x92, 0xc4, 1, 7, 0xc4, 0],
      ],
    ],
    {
      'too many items': [0x93, 0xc4, 0, 0xc4, 0, 0xc4, 0],
      'an item that is too long': [0x91, 0xc4, 2, 7, 7],
      'more items than bytes': [0xdd, 0xff, 0xff, 0xff, 0xff],
    },
  ),
  row('a struct', struct(POINT), [[{ x: 1, y: 2 }, [0x92, 1, 2]]], {
    'a field too few': [0x91, 1],
    'a field too many': [0x93, 1, 2, 3],
    'bytes behind it': [0x92, 1, 2, 3],
    'no array around it': [1, 2],
    'a field of another type': [0x92, 1, 0xc3],
  }),
  row(
    'a struct that has grown',
    grown(POINT, { ends: list(count(), { max: 2 }), marks: list(truth, { max: 1 }) }),
    [
      [{ x: 1, y: 2, ends: [], marks: [] }, [0x92, 1, 2]],
      [{ x: 1, y: 2, ends: [7], marks: [] }, [0x93, 1, 2, 0x91, 7]],
      [{ x: 1, y: 2, ends: [], marks: [true] }, [0x94, 1, 2, 0x90, 0x91, 0xc3]],
    ],
    {
      'a first field too few': [0x91, 1],
      'an empty list at its end': [0x93, 1, 2, 0x90],
      'an empty list behind another': [0x94, 1, 2, 0x91, 7, 0x90],
      'a list too many': [0x95, 1, 2, 0x91, 7, 0x91, 0xc3, 0x91, 7],
      'a list that is too long': [0x93, 1, 2, 0x93, 7, 8, 9],
      'no list': [0x93, 1, 2, 7],
    },
  ),
  row('fields', fields(POINT), [[{ x: 1, y: 2 }, [1, 2]]], { 'an array': [0x92, 1, 2] }),
  row(
    'what may be absent',
    optional(fields(POINT)),
    [
      [undefined, [0x90]],
      [{ x: 1, y: 2 }, [0x92, 1, 2]],
    ],
    { 'a part of it': [0x91, 1], 'more than it': [0x93, 1, 2, 3], nil: [0xc0] },
  ),
  row(
    'a union',
    SHAPE,
    [
      [{ type: 'point', x: 1, y: 2 }, [0x93, 1, 1, 2]],
      [
        { type: 'line', from: { x: 1, y: 2 }, to: { x: 3, y: 4 }, name: 'a' },
        [0x95, 4, 0x92, 1, 2, 3, 4, 0xc4, 1, 97],
      ],
      [{ type: 'none' }, [0x91, 5]],
      [{ type: 'hand', flag: true }, [0x92, 6, 0xc3]],
    ],
    {
      'an unknown number': [0x93, 2, 1, 2],
      'a number beyond all': [0x93, 0xce, 0xff, 0xff, 0xff, 0xff, 1, 2],
      'the length of another': [0x92, 1, 1],
      'more than any has': [0x96, 1, 1, 2, 3, 4, 5],
      'no number': [0x90],
    },
  ),
  row(
    'a value that must be sound',
    RISING,
    [
      [
        [1, 2, 9],
        [0x93, 1, 2, 9],
      ],
    ],
    { 'one that is not': [0x92, 2, 1], 'one twice': [0x92, 1, 1] },
  ),
];

for (const { what, schema, sound, hostile } of TABLE) {
  test(`${what}: read as it was written, and no other bytes are`, () => {
    for (const [value, expected] of sound) {
      const encoded = encode(schema, value as never);
      deepEqual([...encoded], expected);
      deepEqual(decode(schema, encoded), value);
      ok(schema.bytesMin <= encoded.length, 'no encoding is shorter');
      ok(bytesMaxOf(value) >= encoded.length, 'no encoding is longer');
      for (let length = 0; length < encoded.length; length++) {
        equal(decode(schema, encoded.subarray(0, length)), undefined, `cut to ${length}`);
      }
      equal(decode(schema, Uint8Array.of(...expected, 0)), undefined, 'a byte behind it');
    }
    for (const [why, given] of Object.entries(hostile)) {
      equal(decode(schema, Uint8Array.from(given)), undefined, why);
    }
  });
}

test('a predicate never sees a value of a broken reader', () => {
  const seen: number[] = [];
  const schema = where(count({ min: 5 }), (value) => seen.push(value) > 0);
  equal(decode(schema, Uint8Array.of(4)), undefined);
  equal(decode(schema, Uint8Array.of(5)), 5);
  deepEqual(seen, [5]);
});

test('octets outlive the buffer, bytes are a view on it', () => {
  const from = Uint8Array.of(0xc4, 1, 7);
  const copy = decode(octets(1), from);
  const view = decode(bytes(1), from);
  from[2] = 8;
  deepEqual([copy?.[0], view?.[0]], [7, 8]);
});

test('a list that announces more than it could hold makes no item', () => {
  let items = 0;
  const counted: Schema<number> = {
    ...octets(100),
    write: (writer, value) => writer.count(value),
    read: () => ++items,
  };
  const frame = new Uint8Array(100_000);
  frame.set([0xdd, 0, 1, 0, 0]);
  equal(decode(list(counted, { max: 2 ** 31 }), frame), undefined);
  equal(items, 0);
});

test('the number of a variant is read without knowing it', () => {
  equal(variantIn(new Reader(Uint8Array.of(0x93, 77, 1, 2))), 77);
  equal(variantIn(new Reader(Uint8Array.of(0x90))), undefined);
  equal(variantIn(new Reader(new Uint8Array())), undefined);
});

test('what no reader would take is not written', () => {
  throws(() => encode(text(3), 'four'));
  throws(() => encode(octets(3), new Uint8Array(2)));
  throws(() => encode(SHAPE, { type: 'circle' } as never));
  deepEqual([...encode(text(3), 'abc')], [0xc4, 3, 97, 98, 99], 'a failure leaves nothing behind');
});

const ROUNDS = byEffort({ full: 300_000, brief: 15_000 });

test('mutated values are refused, or have no other encoding', () => {
  const random = new Random(41);
  const schema = struct({
    shapes: list(SHAPE, { max: 20 }),
    rising: RISING,
    side: oneOf(['left', 'right']),
    place: optional(fields(POINT)),
    later: grown(POINT, { ends: list(count(), { max: 5 }), marks: list(truth, { max: 2 }) }),
  });
  const corpus = Array.from({ length: 50 }, () => {
    const point = { x: random.below(1000), y: random.word() };
    const shapes = Array.from({ length: random.below(4) }, () =>
      random.pick([
        { type: 'point', ...point } as const,
        { type: 'line', from: point, to: point, name: 'é' } as const,
        { type: 'none' } as const,
        { type: 'hand', flag: true } as const,
      ]),
    );
    const place = random.chance(0.5) ? point : undefined;
    return encode(schema, {
      shapes,
      rising: [1, 200, random.between(300, 70_000)],
      side: 'left',
      place,
      later: {
        ...point,
        ends: random.chance(0.5) ? [] : [random.below(300)],
        marks: random.chance(0.5) ? [] : [random.chance(0.5)],
      },
    });
  });
  let understood = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const mutant = mutate(random, random.pick(corpus));
    const value = decode(schema, mutant);
    if (value === undefined) continue;
    understood += 1;
    if (Buffer.compare(encode(schema, value), mutant) !== 0)
      deepEqual(encode(schema, value), mutant);
  }
  ok(understood > ROUNDS / 50 && understood < ROUNDS * 0.9, `${understood} were understood`);
});
