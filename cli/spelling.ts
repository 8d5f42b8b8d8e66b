/** Bytes as text and back: as they read, in hex, or in base64. */

import type { Options } from './call.ts';
import { usageFailure } from './failure.ts';

export type Spelling = 'text' | 'hex' | 'base64';

export function spellingOf({ hex, base64 }: Options): Spelling {
  if (hex === true && base64 === true) {
    throw usageFailure('--hex and --base64 exclude each other', 'give one of the two');
  }
  if (hex === true) return 'hex';
  return base64 === true ? 'base64' : 'text';
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What somebody wrote on the command line, as bytes. */
export function bytesOf(text: string, spelling: Spelling): Uint8Array {
  if (spelling === 'text') return new TextEncoder().encode(text);
  const isHex = spelling === 'hex' && text.length % 2 === 0 && /^[0-9A-Fa-f]*$/.test(text);
  const isBase64 = spelling === 'base64' && BASE64.test(text);
  if (isHex || isBase64) return Uint8Array.from(Buffer.from(text, spelling));
  const hint =
    spelling === 'hex' ? 'write two digits of hex for each byte' : 'write base64 with its padding';
  throw usageFailure(`${JSON.stringify(text)} is not ${spelling}`, hint);
}

/** On one line, and harmless to a terminal: what cannot be seen is written as an escape. */
export function spell(bytes: Uint8Array, spelling: Spelling): string {
  if (spelling !== 'text') return Buffer.from(bytes).toString(spelling);
  const text = textOf(bytes);
  return text === undefined ? escapeBytes(bytes) : escapeText(text);
}

/** Undefined if the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const NAMED: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

/** Control characters, those that turn the direction of writing, and what cuts lines. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu;

export function escapeText(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return NAMED[character] ?? (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`);
  });
}

function escapeBytes(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => {
      const isSeen = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
      return isSeen ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
