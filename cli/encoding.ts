/** Bytes to text and back: as UTF-8, hex or base64. */

import { usageFailure } from './failure.ts';

export type TextEncoding = 'text' | 'hex' | 'base64';

type Flag = string | boolean | readonly string[] | undefined;

export function encodingOf(flags: Readonly<Record<string, Flag>>): TextEncoding {
  const { hex, base64 } = flags;
  if (hex === true && base64 === true) {
    throw usageFailure('--hex and --base64 are mutually exclusive', 'use one of them');
  }
  if (hex === true) return 'hex';
  return base64 === true ? 'base64' : 'text';
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** An argument of the command line as bytes. */
export function bytesOf(text: string, encoding: TextEncoding): Uint8Array {
  if (encoding === 'text') return new TextEncoder().encode(text);
  const isHex = encoding === 'hex' && text.length % 2 === 0 && /^[0-9A-Fa-f]*$/.test(text);
  if (isHex || (encoding === 'base64' && isBase64(text)))
    return Uint8Array.from(Buffer.from(text, encoding));
  const hint = encoding === 'hex' ? 'write two hex digits per byte' : 'write base64 with padding';
  throw usageFailure(`${JSON.stringify(text)} is not valid ${encoding}`, hint);
}

export function isBase64(text: string): boolean {
  return BASE64.test(text);
}

/** On one line, and safe for a terminal: invisible characters become escapes. */
export function encodeText(bytes: Uint8Array, encoding: TextEncoding): string {
  if (encoding !== 'text') return Buffer.from(bytes).toString(encoding);
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

/** Control characters, direction overrides and line separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu;

export function escapeText(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** As above, for text that is already partly escaped: backslashes are kept. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => (character === '\\' ? character : escaped(character)));
}

/** Line breaks, and the colours that kvctl writes. */
const ALLOWED = '[\n\t]|\u001b\\[(?:0|1|2|31|32|33|36)m';
const IS_ALLOWED = new RegExp(`^(?:${ALLOWED})$`);
const ALLOWED_OR_UNSEEN = new RegExp(`${ALLOWED}|[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]`, 'gu');

/** Text from other machines cannot send control sequences to the terminal. JSON stays JSON. */
export function visibleLines(text: string): string {
  return text.replace(ALLOWED_OR_UNSEEN, (part) => {
    if (IS_ALLOWED.test(part)) return part;
    const units = [...Array(part.length).keys()].map((at) => part.charCodeAt(at));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return NAMED[character] ?? (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`);
}

function escapeBytes(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => {
      const isSeen = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
      return isSeen ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
