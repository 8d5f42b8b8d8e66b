/** Values on their way in from the command line and out to whoever asked. */

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
 * What shall be stored. An argument is text; what comes from a file or standard input, or is in hex
 * or base64, is bytes. `--as` says otherwise.
 */
export async function valueGiven(call: Call, word: string, codec: Codec): Promise<Uint8Array> {
  const spelling = encodingOf(call.options);
  const isArgument = word !== '-' && !word.startsWith('@');
  const bytes = await bytesGiven(call, word, isArgument ? spelling : 'text');
  const kind = call.options.as ?? (isArgument && spelling === 'text' ? 'text' : 'bytes');
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

async function bytesGiven(call: Call, word: string, spelling: TextEncoding): Promise<Uint8Array> {
  if (word === '-') return await call.input();
  if (!word.startsWith('@')) return bytesOf(word, spelling);
  const path = word.slice(1);
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    throw usageFailure(
      `the file ${JSON.stringify(path)} cannot be read: ${(error as Error).message}`,
      'check the path; a value that begins with @ itself goes through standard input: set KEY -',
    );
  }
}

function textGiven(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text !== undefined) return text;
  throw usageFailure('the value is not UTF-8', 'store it with --as bytes');
}

/** What was stored, as far as it can be understood: bytes that no codec made stay bytes. */
export function meaningOf(stored: Uint8Array, codec: Codec | undefined): unknown {
  if (codec === undefined) return stored;
  try {
    return codec.decode(stored);
  } catch {
    return stored;
  }
}

/** Text and bytes as they are, anything else as JSON. */
export function payloadOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(plainOf(value));
  return new TextEncoder().encode(text);
}

/** On one line. */
export function shownValue(value: unknown, spelling: TextEncoding): string {
  if (spelling !== 'text' || value instanceof Uint8Array)
    return encodeText(payloadOf(value), spelling);
  return typeof value === 'string' ? escapeText(value) : JSON.stringify(plainOf(value));
}
