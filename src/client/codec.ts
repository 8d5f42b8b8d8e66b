/** Codecs: how values become the bytes that the cluster keeps, and come back. */

import { KvError } from '../base/errors.ts';
import { decodeDocument, encodeDocument } from '../wire/document.ts';

/** One's own is as good as these. `decode` is given bytes that nobody else changes. */
export interface Codec<V> {
  readonly name: string;
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

/** MessagePack: the default. Integers beyond the safe ones are bigints. */
export const messagePack: Codec<unknown> = {
  name: 'messagePack',
  encode(value) {
    const bytes = encodeDocument(value);
    if (bytes === undefined) {
      throw new TypeError(`MessagePack has no spelling for ${typeof value}, or for a part of it`);
    }
    return bytes;
  },
  decode(bytes) {
    const document = decodeDocument(bytes);
    if (document === undefined) throw new TypeError('the bytes are no MessagePack document');
    return document.value;
  },
};

export const bytes: Codec<Uint8Array> = {
  name: 'bytes',
  // Copies: what a caller does with his bytes later is his own affair.
  encode: (value) => new Uint8Array(value),
  decode: (value) => value.slice(),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8: Codec<string> = {
  name: 'utf8',
  encode: (value) => encoder.encode(value),
  decode: (value) => decoder.decode(value),
};

export const json: Codec<unknown> = {
  name: 'json',
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`JSON has no spelling for ${typeof value}`);
    return encoder.encode(text);
  },
  decode: (value) => JSON.parse(decoder.decode(value)),
};

export function encodeValue<V>(codec: Codec<V>, value: V): Uint8Array {
  try {
    return codec.encode(value);
  } catch (cause) {
    const message = `the codec ${codec.name} cannot spell the value`;
    throw new KvError({ code: 'unsupported-value', outcome: 'notApplied', message, cause });
  }
}

export function decodeValue<V>(codec: Codec<V>, stored: Uint8Array): V {
  try {
    return codec.decode(stored);
  } catch (cause) {
    const message = `the codec ${codec.name} cannot read the value`;
    throw new KvError({ code: 'damaged-value', outcome: 'notApplied', message, cause });
  }
}
