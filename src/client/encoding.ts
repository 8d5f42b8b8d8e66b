/** Encoding: how the keys and values of one space become bytes, and are decoded again. */

import { typeNameOf } from '../base/type-name.ts';
import type { Row } from '../machine/row.ts';
import { type Codec, decodeValue, encodeValue } from './codec.ts';
import type { KeyRange } from './core/range.ts';
import { encodeKey, type Key, type KeyKind, keyFrom } from './key.ts';

import { invalid } from './options.ts';
import { type RangeOptions, rangeOf } from './range-options.ts';

/** A key with its value and version. */
export interface Entry<V> {
  /** The key as the caller gave it. */
  readonly key: Key;
  /** The decoded value. */
  readonly value: V;
  /** Grows with every write of the key. For `ifVersion` and `check`. */
  readonly version: number;
}

/** An entry or undefined for each of some keys, in their order. */
export type Entries<V, K extends readonly Key[] = readonly Key[]> = {
  readonly [At in keyof K]: Entry<V> | undefined;
};

/** An entry of a scan. */
export interface ScannedEntry<V> {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
  /** The decoded value. */
  readonly value: V;
  /** The version of the key, for `ifVersion` and `check`. */
  readonly version: number;
}

/** An entry of a scan with `keysOnly`: neither value nor version are read. */
export interface ScannedKey {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
}

interface EncodingParts<V> {
  readonly home: object;
  readonly prefix: Uint8Array;
  readonly codec: Codec<V>;
}

export class Encoding<V> {
  /** Shared by all spaces of one client, and by no other client's. */
  readonly home: object;
  /** What all keys of the space begin with. */
  readonly prefix: Uint8Array;
  readonly #codec: Codec<V>;

  constructor({ home, prefix, codec }: EncodingParts<V>) {
    this.home = home;
    this.prefix = prefix;
    this.#codec = codec;
  }

  /** The encoding of a space within this one. */
  within<U>(name: string, codec: Codec<U> | undefined): Encoding<U> {
    if (typeof name !== 'string')
      throw invalid(`a space is named by a text; got ${typeNameOf(name)}`);
    const prefix = new Uint8Array([...this.prefix, ...encodeKey(`${name}:`)]);
    return new Encoding<U>({
      home: this.home,
      prefix,
      codec: codec ?? (this.#codec as unknown as Codec<U>),
    });
  }

  keyOf(key: Key): Uint8Array {
    const bytes = encodeKey(key);
    if (this.prefix.length === 0) return bytes;
    const whole = new Uint8Array(this.prefix.length + bytes.length);
    whole.set(this.prefix);
    whole.set(bytes, this.prefix.length);
    return whole;
  }

  rangeOf(options: RangeOptions): KeyRange {
    return rangeOf(options, this.prefix);
  }

  bytesOf(value: V): Uint8Array {
    return encodeValue(this.#codec, value);
  }

  entryOf(key: Key, row: Pick<Row, 'value' | 'version'> | undefined): Entry<V> | undefined {
    if (row === undefined) return undefined;
    return { key, value: decodeValue(this.#codec, row.value), version: row.version };
  }

  scannedOf(
    key: Uint8Array,
    row: Pick<Row, 'value' | 'version'> | undefined,
    kind: KeyKind,
  ): ScannedEntry<V> | ScannedKey {
    const inner = this.innerKeyOf(key, kind);
    if (row === undefined) return { key: inner };
    return { key: inner, value: decodeValue(this.#codec, row.value), version: row.version };
  }

  /** The key as its space knows it. */
  innerKeyOf(key: Uint8Array, kind: KeyKind): Key {
    return keyFrom(key.subarray(this.prefix.length), kind);
  }
}

/** Where a space keeps its encoding, for the library alone. */
export const ENCODING: unique symbol = Symbol('encoding');

/** A `Space`, as a parameter that needs only how the space encodes keys and values. */
export interface Encoded<V> {
  readonly [ENCODING]: Encoding<V>;
}
