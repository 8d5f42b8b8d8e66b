/** Reads values from the command line and formats values for output. */

import { readFile } from 'node:fs/promises';
import type { Call } from './call.ts';
import { parseDocument, plainOf } from './document.ts';
import {
  bytesOf,
  encodeText,
  encodingOf,
  escapeText,
  type TextEncoding,
  textOf,
} from './encoding.ts';
import { usageFailure } from './failure.ts';
import type { Codec } from './store.ts';

/**
 * The value to store. An argument is text; a file, standard input, hex and base64 are bytes. `--as`
 * overrides that.
 */
export async function valueGiven(call: Call, word: string, codec: Codec): Promise<Uint8Array> {
  const encoding = encodingOf(call.options);
  const isArgument = word !== '-' && !word.startsWith('@');
  const bytes = await bytesGiven(call, word, isArgument ? encoding : 'text');
  const kind = call.options.as ?? (isArgument && encoding === 'text' ? 'text' : 'bytes');
  switch (kind) {
    case 'text':
      return codec.encode(textGiven(bytes));
    case 'json':
      return codec.encode(parseDocument(textGiven(bytes)));
    case 'bytes':
      return codec.encode(bytes);
    default:
      return bytes;
  }
}

async function bytesGiven(call: Call, word: string, encoding: TextEncoding): Promise<Uint8Array> {
  if (word === '-') return await call.input();
  if (!word.startsWith('@')) return bytesOf(word, encoding);
  const path = word.slice(1);
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    throw usageFailure(
      `the file ${JSON.stringify(path)} cannot be read: ${(error as Error).message}`,
      'check the path; pass a value that begins with @ through standard input: set KEY -',
    );
  }
}

function textGiven(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text !== undefined) return text;
  throw usageFailure('the value is not UTF-8', 'store it with --as bytes');
}

/** The decoded value; bytes that the codec did not write stay bytes. */
export function meaningOf(stored: Uint8Array, codec: Codec | undefined): unknown {
  if (codec === undefined) return stored;
  try {
    return codec.decode(stored);
  } catch {
    return stored;
  }
}

/** Text and bytes unchanged, other values as JSON. */
export function payloadOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(plainOf(value));
  return new TextEncoder().encode(text);
}

/** On one line. */
export function shownValue(value: unknown, encoding: TextEncoding): string {
  if (encoding !== 'text' || value instanceof Uint8Array)
    return encodeText(payloadOf(value), encoding);
  return typeof value === 'string' ? escapeText(value) : JSON.stringify(plainOf(value));
}
