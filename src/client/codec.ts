/** Codecs: how values become the bytes that the cluster stores, and are decoded again. */

import { KvError } from '../base/errors.ts';
import { decodeDocument, encodeDocument } from '../wire/document.ts';

/**
 * How values become bytes, and back. The package has `messagePack`, `json`, `utf8` and `bytes`; an
 * application may pass its own to `connect`, `open` or `space`.
 *
 * @example
 * ```ts
 * const dates: Codec<Date> = {
 *   name: 'dates',
 *   encode: (date) => new TextEncoder().encode(date.toISOString()),
 *   decode: (stored) => new Date(new TextDecoder().decode(stored)),
 * };
 * ```
 */
export interface Codec<V> {
  /** For messages of errors. */
  readonly name: string;
  /**
   * The bytes to store. An exception fails the call with `unsupported-value`.
   *
   * @example
   * ```ts
   * utf8.encode('hello'); // Uint8Array(5)
   * ```
   */
  encode(value: V): Uint8Array;
  /**
   * The value of stored bytes, which are not changed or reused afterwards. An exception fails the
   * call with `damaged-value`.
   *
   * @example
   * ```ts
   * json.decode(new TextEncoder().encode('{"name":"Ada"}')); // { name: 'Ada' }
   * ```
   */
  decode(bytes: Uint8Array): V;
}

/**
 * MessagePack, the default: `null`, booleans, numbers, bigints, texts, bytes, arrays and objects.
 * Integers beyond the safe ones are decoded as bigints.
 */
export const messagePack: Codec<unknown> = {
  name: 'messagePack',
  encode(value) {
    const bytes = encodeDocument(value);
    if (bytes === undefined) {
      throw new TypeError(
        `MessagePack cannot encode a value of type ${typeof value}, or a part of it`,
      );
    }
    return bytes;
  },
  decode(bytes) {
    const document = decodeDocument(bytes);
    if (document === undefined) throw new TypeError('the bytes are not a MessagePack document');
    return document.value;
  },
};

/** Bytes as they are: values are `Uint8Array`. They are copied in both directions. */
export const bytes: Codec<Uint8Array> = {
  name: 'bytes',
  // Copies: the caller may change its bytes later.
  encode: (value) => new Uint8Array(value),
  decode: (value) => value.slice(),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Texts as UTF-8. Bytes that are not valid UTF-8 fail with `damaged-value`. */
export const utf8: Codec<string> = {
  name: 'utf8',
  encode: (value) => encoder.encode(value),
  decode: (value) => decoder.decode(value),
};

/** JSON as UTF-8, for values that other programs read. It has no bytes and no bigints. */
export const json: Codec<unknown> = {
  name: 'json',
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined)
      throw new TypeError(`JSON cannot encode a value of type ${typeof value}`);
    return encoder.encode(text);
  },
  decode: (value) => JSON.parse(decoder.decode(value)),
};

export function encodeValue<V>(codec: Codec<V>, value: V): Uint8Array {
  try {
    return codec.encode(value);
  } catch (cause) {
    const message = `the codec ${codec.name} cannot encode the value`;
    throw new KvError({ code: 'unsupported-value', outcome: 'notApplied', message, cause });
  }
}

export function decodeValue<V>(codec: Codec<V>, stored: Uint8Array): V {
  try {
    return codec.decode(stored);
  } catch (cause) {
    const message = `the codec ${codec.name} cannot decode the value`;
    throw new KvError({ code: 'damaged-value', outcome: 'notApplied', message, cause });
  }
}
