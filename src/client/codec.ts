/** Codecs: how values become the bytes that the cluster stores, and are decoded again. */

import { KvError } from '../base/errors.ts';
import { isBytes } from '../base/is-bytes.ts';
import { typeNameOf } from '../base/type-name.ts';
import { decodeDocument, encodeDocument, faultIn } from '../wire/document.ts';

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
   * The value of stored bytes, which must not be changed: other watches may be given them as well.
   * They are not reused afterwards. An exception fails the call with `damaged-value`.
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
 * Integers beyond the safe ones are decoded as bigints. Other values fail with `unsupported-value`,
 * and the message names the part: `at value.tags[3].run: function`.
 */
export const messagePack: Codec<unknown> = {
  name: 'messagePack',
  encode(value) {
    const bytes = encodeDocument(value);
    if (bytes !== undefined) return bytes;
    const fault = faultIn(value);
    if (fault?.isForeign) return messagePack.encode(localCopyOf(value));
    throw faultAt(fault?.path ?? '', fault?.what ?? typeNameOf(value));
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
  encode(value) {
    if (isBytes(value)) return new Uint8Array(value);
    throw faultAt('', typeNameOf(value));
  },
  decode: (value) => value.slice(),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Texts as UTF-8. Bytes that are not valid UTF-8 fail with `damaged-value`. */
export const utf8: Codec<string> = {
  name: 'utf8',
  encode(value) {
    if (typeof value !== 'string') throw faultAt('', typeNameOf(value));
    if (/\p{Surrogate}/u.test(value)) throw faultAt('', 'a text with a lone surrogate');
    return encoder.encode(value);
  },
  decode: (value) => decoder.decode(value),
};

/** JSON as UTF-8, for values that other programs read. It has no bytes and no bigints. */
export const json: Codec<unknown> = {
  name: 'json',
  encode(value) {
    try {
      const text = JSON.stringify(value) as string | undefined;
      if (text !== undefined) return encoder.encode(text);
    } catch (cause) {
      const path = pathOfBigint(value);
      throw path === undefined ? cause : faultAt(path, 'bigint');
    }
    throw faultAt('', typeNameOf(value));
  },
  decode: (value) => JSON.parse(decoder.decode(value)),
};

/** Paths are those of JavaScript, and the whole value is called `value`. */
function faultAt(path: string, what: string): TypeError {
  return new TypeError(`at value${path.length > 200 ? `${path.slice(0, 200)}…` : path}: ${what}`);
}

/** With dates and bytes of this realm instead of those of another one, as Jest has them. */
function localCopyOf(value: unknown): unknown {
  if (isBytes(value)) return new Uint8Array(value);
  if (Array.isArray(value)) return Array.from(value, localCopyOf);
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object Date]') return structuredClone(value);
  if (tag !== '[object Object]') return value;
  const fields = Object.entries(value as object);
  return Object.fromEntries(fields.map(([name, part]) => [name, localCopyOf(part)]));
}

/** Visits the parts as JSON does; undefined if it stops before it meets one. */
function pathOfBigint(value: unknown): string | undefined {
  const paths = new Map<unknown, string>();
  let found: string | undefined;
  function visit(this: unknown, name: string, part: unknown): unknown {
    const holder = paths.get(this);
    const step = Array.isArray(this) ? `[${name}]` : `.${name}`;
    const path = holder === undefined ? '' : holder + step;
    if (typeof part === 'bigint') found ??= path;
    else if (typeof part === 'object') paths.set(part, path);
    return typeof part === 'bigint' ? null : part;
  }
  try {
    JSON.stringify(value, visit);
  } catch {
    // A cycle: the first error says so.
  }
  return found;
}

export function encodeValue<V>(codec: Codec<V>, value: V): Uint8Array {
  try {
    const encoded: unknown = codec.encode(value);
    if (encoded instanceof Uint8Array) return encoded;
    if (isBytes(encoded)) return new Uint8Array(encoded);
    throw new TypeError(`its encode returned ${typeNameOf(encoded)}, not a Uint8Array`);
  } catch (cause) {
    const message = `the codec ${codec.name} cannot encode the value: ${reasonOf(cause)}`;
    throw new KvError({ code: 'unsupported-value', outcome: 'notApplied', message, cause });
  }
}

/** The message of an exception, which may be an `Error` of another realm or no error at all. */
function reasonOf(cause: unknown): string {
  const { message } = Object(cause) as { readonly message?: unknown };
  return typeof message === 'string' ? message : String(cause);
}

export function decodeValue<V>(codec: Codec<V>, stored: Uint8Array, keyText: () => string): V {
  try {
    return codec.decode(stored);
  } catch (cause) {
    const what = `the codec ${codec.name} cannot decode the value of ${keyText()}`;
    const message = `${what}: ${reasonOf(cause)}`;
    throw new KvError({ code: 'damaged-value', outcome: 'notApplied', message, cause });
  }
}
