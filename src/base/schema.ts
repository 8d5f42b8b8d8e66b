/**
 * Schemas: a value is declared once. Its type, its encoding and the bounds that decoding checks
 * follow from the declaration.
 *
 * For values that are encoded rarely. A value that is encoded thousands of times a second has a
 * codec by hand, which takes less time; in the form of a `Schema` it can be a part of others.
 */

import { assert, present } from './assert.ts';
import { NUMBER_MAX } from './ids.ts';
import { Reader, Writer } from './message-pack.ts';

export interface Schema<T> {
  /** How many elements of the array around it the value takes. */
  readonly elements: number;
  /** The size of the shortest encoding: the remaining bytes bound the length of a list by it. */
  readonly bytesMin: number;
  readonly write: (writer: Writer, value: T) => void;
  /**
   * Breaks the reader on everything that `write` does not make, and never throws. The value from a
   * broken reader has the right type and no meaning.
   */
  readonly read: (reader: Reader) => T;
}

/** The value that a schema declares. */
export type Of<S extends AnySchema> = ReturnType<S['read']>;

/** Every schema is one. */
interface AnySchema {
  readonly elements: number;
  readonly bytesMin: number;
  readonly write: (writer: Writer, value: never) => void;
  readonly read: (reader: Reader) => unknown;
}

/** The fields of an object, in the order of their encoding. */
type Fields = Readonly<Record<string, AnySchema>>;
export type FieldsOf<F extends Fields> = { readonly [Name in keyof F]: Of<F[Name]> };

interface Variant<Body> {
  /** Never given a second meaning. */
  readonly number: number;
  readonly body: Body;
}
type Variants = Readonly<Record<string, Variant<Fields | AnySchema>>>;
type VariantOf<Name, Body> = Body extends AnySchema
  ? Of<Body>
  : Body extends Fields
    ? Plain<{ readonly type: Name } & FieldsOf<Body>>
    : never;
/** The same type, as one object. */
type Plain<T> = { [Name in keyof T]: T[Name] };
type UnionOf<V extends Variants> = { [Name in keyof V]: VariantOf<Name, V[Name]['body']> }[keyof V];

export interface UnionSchema<T> extends Schema<T> {
  /** Whether a variant has the number. */
  readonly knows: (number: number) => boolean;
  /** The rest of a value whose header, of this length, and number were read. */
  readonly readRest: (reader: Reader, opening: Opening) => T;
}

interface Opening {
  readonly length: number;
  readonly number: number;
}

const COUNT_BYTES_MAX = 9;
const HEADER_BYTES_MAX = 5;
/** A tuple has a header of one byte. */
const ELEMENTS_MAX = 15;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const shared = new Writer();

/** The bytes belong to the caller. `bytesMax`, if it is known: at least their number. */
export function encode<T>(schema: Schema<T>, value: T, bytesMax = 0): Uint8Array {
  assert(shared.length === 0, 'no value is encoded within another');
  try {
    shared.expect(bytesMax);
    schema.write(shared, value);
    return shared.take();
  } finally {
    shared.clear();
  }
}

/** Undefined if the bytes are not exactly what `encode` makes. Byte strings in it are views. */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): T | undefined {
  const reader = new Reader(bytes);
  const value = schema.read(reader);
  return reader.isBroken || reader.left > 0 ? undefined : value;
}

/** At least the encoded size of a value, by any schema. */
export function bytesMaxOf(value: unknown): number {
  if (typeof value === 'string') return COUNT_BYTES_MAX + 3 * value.length;
  if (typeof value !== 'object' || value === null) return COUNT_BYTES_MAX;
  if (value instanceof Uint8Array) return HEADER_BYTES_MAX + value.length;
  let sum = HEADER_BYTES_MAX;
  // `Object.values` would take twice as long, and this is done for each request.
  if (Array.isArray(value)) for (const item of value) sum += bytesMaxOf(item);
  else for (const name in value) sum += bytesMaxOf(value[name as keyof typeof value]);
  return sum;
}

/** The number of the union variant that comes next, known or not; undefined for other bytes. */
export function variantIn(reader: Reader): number | undefined {
  reader.array(ELEMENTS_MAX, 1);
  const number = reader.count();
  return reader.isBroken ? undefined : number;
}

/** An integer within bounds, both included. */
export function count<T extends number = number>({
  min = 0,
  max = NUMBER_MAX,
} = {}): Schema<NoInfer<T>> {
  const read = (reader: Reader) => {
    const value = reader.count();
    if (value < min || value > max) reader.break();
    return value as T;
  };
  const write = (writer: Writer, value: T) => writer.count(value);
  return { elements: 1, bytesMin: 1, write, read };
}

export const truth: Schema<boolean> = {
  elements: 1,
  bytesMin: 1,
  write: (writer, value) => writer.truth(value),
  read: (reader) => reader.truth(),
};

/** One of some names, as its index; an index is never given a second meaning. */
export function oneOf<const Name extends string>(names: readonly [Name, ...Name[]]): Schema<Name> {
  const number = count({ max: names.length - 1 });
  return {
    ...number,
    write: (writer, name) => number.write(writer, names.indexOf(name)),
    read: (reader) => names[number.read(reader)] ?? names[0],
  };
}

/** A value that takes no bytes. */
function constant<T>(value: T): Schema<T> {
  return { elements: 0, bytesMin: 0, write: () => {}, read: () => value };
}

/** Bytes up to a length, as a view. */
export function bytes(lengthMax: number): Schema<Uint8Array> {
  return {
    elements: 1,
    bytesMin: 2,
    write: (writer, value) => writer.bytes(value),
    read: (reader) => reader.bytes(lengthMax),
  };
}

/** Exactly so many bytes, as a copy that does not keep the frame alive. */
export function octets(length: number): Schema<Uint8Array> {
  return {
    elements: 1,
    bytesMin: 2 + length,
    write: (writer, value) => {
      assert(value.length === length, 'bytes of a fixed length have it');
      writer.bytes(value);
    },
    read: (reader) => {
      const value = reader.bytes(length);
      if (value.length !== length) reader.break();
      return value.slice();
    },
  };
}

/** UTF-8. */
export function text(bytesMax: number): Schema<string> {
  return {
    elements: 1,
    bytesMin: 2,
    write: (writer, value) => {
      const encoded = encoder.encode(value);
      assert(encoded.length <= bytesMax, 'a text is within its limit');
      writer.bytes(encoded);
    },
    read: (reader) => {
      const encoded = reader.bytes(bytesMax);
      try {
        return decoder.decode(encoded);
      } catch {
        reader.break();
        return '';
      }
    },
  };
}

export function list<T>(
  of: Schema<T>,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): Schema<readonly T[]> {
  assert(of.elements === 1, 'an item of a list is one element');
  return {
    elements: 1,
    bytesMin: 1,
    write: (writer, items) => {
      writer.array(items.length);
      for (const item of items) of.write(writer, item);
    },
    read: (reader) => {
      const length = reader.array(max, of.bytesMin);
      if (length < min) reader.break();
      const items: T[] = [];
      for (let at = 0; at < length && !reader.isBroken; at++) items.push(of.read(reader));
      return items;
    },
  };
}

/** A list of views, by hand: what is sent for every operation is made of such lists. */
export function bytesList(bounds: {
  readonly max: number;
  readonly bytesMax: number;
}): Schema<readonly Uint8Array[]> {
  return {
    elements: 1,
    bytesMin: 1,
    write: (writer, items) => {
      writer.array(items.length);
      for (const item of items) writer.bytes(item);
    },
    read: (reader) => {
      const { max, bytesMax } = bounds;
      const length = reader.array(max, 2);
      const items: Uint8Array[] = [];
      for (let at = 0; at < length && !reader.isBroken; at++) items.push(reader.bytes(bytesMax));
      return items;
    },
  };
}

/** An object whose fields are elements of the array around it. */
export function fields<const F extends Fields>(shape: F): Schema<FieldsOf<F>> {
  const names = Object.keys(shape);
  const schemas = Object.values(shape) as unknown as Schema<unknown>[];
  const partsOf = (value: FieldsOf<F>) => value as Readonly<Record<string, unknown>>;
  return {
    elements: schemas.reduce((sum, { elements }) => sum + elements, 0),
    bytesMin: schemas.reduce((sum, { bytesMin }) => sum + bytesMin, 0),
    write: (writer, value) => {
      const parts = partsOf(value);
      for (let at = 0; at < names.length; at++) {
        schemas[at]?.write(writer, parts[names[at] as string]);
      }
    },
    read: (reader) => {
      const parts: Record<string, unknown> = {};
      for (let at = 0; at < names.length; at++) {
        parts[names[at] as string] = schemas[at]?.read(reader);
      }
      return parts as FieldsOf<F>;
    },
  };
}

/** An array of its own around the elements of a value. */
function tuple<T>(of: Schema<T>): Schema<T> {
  assert(of.elements <= ELEMENTS_MAX, 'a tuple has a header of one byte');
  return {
    elements: 1,
    bytesMin: 1 + of.bytesMin,
    write: (writer, value) => {
      writer.array(of.elements);
      of.write(writer, value);
    },
    read: (reader) => {
      reader.tuple(of.elements);
      return of.read(reader);
    },
  };
}

/** An object as an array. */
export function struct<const F extends Fields>(shape: F): Schema<FieldsOf<F>> {
  return tuple(fields(shape));
}

/**
 * An object as an array that has become longer: the lists behind its fields were added later. Those
 * at the end that are empty are left out: so what was written before them is read, and a value
 * without them is written as it was then.
 */
export function grown<const F extends Fields, const L extends Fields>(
  shape: F,
  lists: L,
): Schema<FieldsOf<F> & FieldsOf<L>> {
  const first = fields(shape);
  const later = Object.entries(lists as Readonly<Record<string, unknown>>) as [
    string,
    Schema<readonly unknown[]>,
  ][];
  assert(first.elements + later.length <= ELEMENTS_MAX, 'it has a header of one byte');
  return {
    elements: 1,
    bytesMin: 1 + first.bytesMin,
    write: (writer, value) => {
      const parts = value as Readonly<Record<string, readonly unknown[]>>;
      const used = later.findLastIndex(([name]) => (parts[name]?.length ?? 0) > 0) + 1;
      writer.array(first.elements + used);
      first.write(writer, value);
      for (const [name, of] of later.slice(0, used)) of.write(writer, parts[name] ?? []);
    },
    read: (reader) => {
      const length = reader.array(first.elements + later.length, 1);
      if (length < first.elements) reader.break();
      const value = first.read(reader);
      const added = later.map(([name, of], at) => {
        return [name, first.elements + at < length ? of.read(reader) : []] as const;
      });
      // The one writing of a value has no empty list at its end.
      const last = added[length - first.elements - 1];
      if (last?.[1].length === 0) reader.break();
      return { ...value, ...Object.fromEntries(added) } as FieldsOf<F> & FieldsOf<L>;
    },
  };
}

/** An array of the elements of a value, or an empty one for none. */
export function optional<T>(of: Schema<T>): Schema<T | undefined> {
  return {
    elements: 1,
    bytesMin: 1,
    write: (writer, value) => {
      writer.array(value === undefined ? 0 : of.elements);
      if (value !== undefined) of.write(writer, value);
    },
    read: (reader) => {
      const length = reader.array(of.elements, 0);
      if (length === of.elements) return of.read(reader);
      if (length > 0) reader.break();
      return undefined;
    },
  };
}

/** A variant of a union: its number, and its fields or a codec by hand of the whole object. */
export function variant<const Body extends Fields | AnySchema>(
  number: number,
  body: Body,
): Variant<Body> {
  return { number, body };
}

/** Objects told apart by their `type`: an array of the number of the type and its elements. */
export function union<const V extends Variants>(variants: V): UnionSchema<UnionOf<V>> {
  const byName: Record<string, Variant<Schema<UnionOf<V>>>> = {};
  const byNumber = new Map<number, Schema<UnionOf<V>>>();
  for (const [type, { number, body: declared }] of Object.entries(variants)) {
    const isByHand = typeof declared.read === 'function';
    const body = isByHand ? declared : fields({ type: constant(type), ...(declared as Fields) });
    byName[type] = { number, body: body as Schema<UnionOf<V>> };
    byNumber.set(number, body as Schema<UnionOf<V>>);
  }
  const bodies = [...byNumber.values()];
  const first = present(bodies[0], 'a union has a variant');
  const elementsMax = 1 + Math.max(...bodies.map(({ elements }) => elements));
  assert(elementsMax <= ELEMENTS_MAX, 'a variant has a header of one byte');
  const variantOf = (value: unknown) =>
    present(byName[(value as { readonly type: string }).type], 'a value is of a declared type');
  const readRest = (reader: Reader, { length, number }: Opening) => {
    const body = byNumber.get(number);
    if (body === undefined || length !== 1 + body.elements) reader.break();
    return (body ?? first).read(reader);
  };
  return {
    elements: 1,
    bytesMin: 2 + Math.min(...bodies.map(({ bytesMin }) => bytesMin)),
    write: (writer, value) => {
      const { number, body } = variantOf(value);
      writer.array(1 + body.elements);
      writer.count(number);
      body.write(writer, value);
    },
    read: (reader) => {
      const length = reader.array(elementsMax, 1);
      return readRest(reader, { length, number: reader.count() });
    },
    knows: (number) => byNumber.has(number),
    readRest,
  };
}

/** A value that contradicts itself breaks the reader. Writing does not check it. */
export function where<T, Sound extends T>(
  of: Schema<T>,
  isSound: (value: T) => value is Sound,
): Schema<Sound>;
export function where<T>(of: Schema<T>, isSound: (value: T) => boolean): Schema<T>;
export function where<T>(of: Schema<T>, isSound: (value: T) => boolean): Schema<T> {
  const read = (reader: Reader) => {
    const value = of.read(reader);
    if (!reader.isBroken && !isSound(value)) reader.break();
    return value;
  };
  return { ...of, read };
}
