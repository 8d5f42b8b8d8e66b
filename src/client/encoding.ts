/** Encoding: how the keys and values of one space become bytes, and are decoded again. */

import { wallNow } from '../base/ambient.ts';
import { typeNameOf } from '../base/type-name.ts';
import type { Row } from '../machine/row.ts';
import { type Codec, decodeValue, encodeValue } from './codec.ts';
import { keyText } from './core/call-failure.ts';
import type { KeyRange } from './core/range.ts';
import { encodeKey, type Key, type KeyKind, keyFrom } from './key.ts';

import { invalid } from './options.ts';
import { type RangeOptions, rangeOf } from './range-options.ts';

/** Options of `space`. */
export interface SpaceOptions<V> {
  /** How values of the space become bytes. By default the codec of the client or outer space. */
  readonly codec?: Codec<V> | Codec<unknown>;
  /**
   * The form of the keys that scans, watches and views of the space return, where a call asks for
   * none: `kv.space('order', { keys: 'tuple' })`. By default that of the outer space, or `text`.
   */
  readonly keys?: KeyKind;
}

/**
 * A key with its value and version. `key`, `value` and `version` are properties of the object, the
 * others are computed: JSON, `{ ...entry }` and the console show only the former.
 */
export interface Entry<V> {
  /** The key as the caller gave it. */
  readonly key: Key;
  /** The decoded value. */
  readonly value: V;
  /** Grows with every write of the key. For `ifVersion` and `check`. */
  readonly version: number;
  /** The bytes of the key as they are stored, with those of its space. */
  readonly fullKey: Uint8Array;
  /**
   * When the key expires, in milliseconds as `Date.now()` counts them; undefined if it does not, or
   * if it is what this transaction wrote. An estimate: the store counts the time that is left by
   * the clock of its log, which stands still while a shard has no leader.
   */
  readonly expiresAt: number | undefined;
  /**
   * The milliseconds that were left when the entry was returned, at least 1; undefined as
   * `expiresAt` is, and an estimate as that.
   *
   * @example
   * ```ts
   * const entry = await kv.get<User>('session:9');
   * const life = entry?.ttl === undefined ? {} : { ttl: entry.ttl };
   * if (entry) await kv.set('session:9', { name: 'Grace' }, life); // expires when it would have
   * ```
   */
  readonly ttl: number | undefined;
}

/** An entry or undefined for each of some keys, in their order. */
export type Entries<V, K extends readonly Key[] = readonly Key[]> = {
  readonly [At in keyof K]: Entry<V> | undefined;
};

/** An entry of a scan. */
export interface ScannedEntry<V> extends Entry<V> {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
}

/** An entry of a scan with `keysOnly`: neither value nor version are read. */
export interface ScannedKey {
  /** The key inside its space, in the form that the option `keys` asks for. */
  readonly key: Key;
  /** The bytes of the key as they are stored, with those of its space. */
  readonly fullKey: Uint8Array;
}

/** What was read of a key. */
interface Found extends Pick<Row, 'value' | 'version'> {
  /** The log time at which it expires; 0 or absent for never. */
  readonly expiresAt?: number;
}

/** What the spaces of one client have in common. */
interface Home {
  /** A monotone clock in milliseconds. */
  readonly now: () => number;
}

interface EncodingParts<V> {
  readonly home: Home;
  readonly prefix: Uint8Array;
  readonly codec: Codec<V>;
  readonly kind: KeyKind;
}

export class Encoding<V> {
  /** Shared by all spaces of one client, and by no other client's. */
  readonly home: Home;
  /** What all keys of the space begin with. */
  readonly prefix: Uint8Array;
  /** The form of the keys that it returns, where a call asks for none. */
  readonly kind: KeyKind;
  readonly #codec: Codec<V>;

  constructor({ home, prefix, codec, kind }: EncodingParts<V>) {
    this.home = home;
    this.prefix = prefix;
    this.kind = kind;
    this.#codec = codec;
  }

  /** The encoding of a space within this one. */
  within<U>(name: string, { codec, keys }: SpaceOptions<U>): Encoding<U> {
    if (typeof name !== 'string')
      throw invalid(`a space is named by a text; got ${typeNameOf(name)}`);
    const prefix = new Uint8Array([...this.prefix, ...encodeKey(`${name}:`)]);
    return new Encoding<U>({
      home: this.home,
      prefix,
      codec: (codec ?? this.#codec) as Codec<U>,
      kind: keys ?? this.kind,
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

  /** The key, as it is stored, is for the message of an error. */
  valueOf(bytes: Uint8Array, key: Uint8Array): V {
    return decodeValue(this.#codec, bytes, () => keyText(key));
  }

  /** The clock is that of the client less the log time of the shard, at the time of reading. */
  entryOf(key: Key, row: Found | undefined, clock = 0): Entry<V> | undefined {
    if (row === undefined) return undefined;
    const { value, version, expiresAt = 0 } = row;
    const life = expiresAt === 0 ? undefined : lifeLeft(expiresAt + clock - this.home.now());
    const decoded = decodeValue(this.#codec, value, () => keyText(this.keyOf(key)));
    return new FoundEntry<V>(this, { key, value: decoded, version, life });
  }

  /** As `entryOf`, or a key alone if there is no row. */
  scannedOf(
    { key, row, clock }: { key: Uint8Array; row: Found | undefined; clock: number },
    kind: KeyKind,
  ): ScannedEntry<V> | ScannedKey {
    const inner = this.innerKeyOf(key, kind);
    return this.entryOf(inner, row, clock) ?? new FoundKey(this, inner);
  }

  /** The key as its space knows it. */
  innerKeyOf(key: Uint8Array, kind: KeyKind): Key {
    return keyFrom(key.subarray(this.prefix.length), kind);
  }
}

/** What is left of a time to live, and when it is over by the clock of this machine. */
interface Life {
  readonly ttl: number;
  readonly expiresAt: number;
}

/** An expired key is present until it is deleted; its time must not read as none. */
function lifeLeft(milliseconds: number): Life {
  const ttl = Math.max(1, Math.ceil(milliseconds));
  return { ttl, expiresAt: wallNow() + ttl };
}

interface FoundEntryParts<V> extends Pick<Entry<V>, 'key' | 'value' | 'version'> {
  readonly life: Life | undefined;
}

/**
 * Its getters are on the prototype, so an entry of a scan costs no more than its value. The full
 * key is encoded anew: the bytes that were read would keep the frame alive that brought them.
 */
class FoundEntry<V> implements Entry<V> {
  readonly key: Key;
  readonly value: V;
  readonly version: number;
  readonly #encoding: Encoding<V>;
  readonly #life: Life | undefined;

  constructor(encoding: Encoding<V>, { key, value, version, life }: FoundEntryParts<V>) {
    this.key = key;
    this.value = value;
    this.version = version;
    this.#encoding = encoding;
    this.#life = life;
  }

  get fullKey(): Uint8Array {
    return this.#encoding.keyOf(this.key);
  }

  get expiresAt(): number | undefined {
    return this.#life?.expiresAt;
  }

  get ttl(): number | undefined {
    return this.#life?.ttl;
  }
}

class FoundKey implements ScannedKey {
  readonly key: Key;
  readonly #encoding: Encoding<unknown>;

  constructor(encoding: Encoding<unknown>, key: Key) {
    this.key = key;
    this.#encoding = encoding;
  }

  get fullKey(): Uint8Array {
    return this.#encoding.keyOf(this.key);
  }
}

/** Where a space keeps its encoding, for the library alone. */
export const ENCODING: unique symbol = Symbol('encoding');

/**
 * A `Space`, as a parameter that needs only how the space encodes keys and values. One that a
 * program has made itself, for its tests, has no encoding, and is refused.
 */
export interface Encoded<V> {
  readonly [ENCODING]?: Encoding<V>;
}

/** The encoding of a space of the same client; undefined for any other space. */
export function encodingIn<V>(space: Encoded<V>, home: Home): Encoding<V> | undefined {
  const encoding = space[ENCODING];
  return encoding?.home === home ? encoding : undefined;
}
