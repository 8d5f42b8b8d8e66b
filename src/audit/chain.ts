/**
 * The chain: each line ends with the hash of the line before it, and with its own. A line is JSON,
 * and its hash is SHA-256 of the bytes of the line in front of `,"hash":`.
 */

import { createHash } from 'node:crypto';

/** The place of a line: its number, and its hash in hex. */
export interface Link {
  readonly sequence: number;
  readonly hash: string;
}

/** In front of the first line. */
export const GENESIS: Link = { sequence: 0, hash: '0'.repeat(64) };

const LINE =
  /^(\{"sequence":(\d{1,15}),.*,"previous":"([0-9a-f]{64})"),"hash":"([0-9a-f]{64})"\}$/s;

/** The line with this content behind another one. Required: an object with fields, as JSON. */
export function lineAfter(
  { sequence, hash }: Link,
  content: string,
): { readonly text: string; readonly link: Link } {
  const fields = content.slice(1, -1);
  const body = `{"sequence":${sequence + 1},${fields},"previous":"${hash}"`;
  const own = hashOf(body, 'utf8');
  return { text: `${body},"hash":"${own}"}\n`, link: { sequence: sequence + 1, hash: own } };
}

/** A line as it stands in a file. */
export interface ReadLine extends Link {
  readonly previous: string;
  /** Its hash is that of its content. */
  readonly isSound: boolean;
}

/** Of the bytes of a line, as latin1, without its end. Undefined if it is no line of a trail. */
export function readLine(text: string): ReadLine | undefined {
  const [, body, sequence, previous, hash] = LINE.exec(text) ?? [];
  if (body === undefined || previous === undefined || hash === undefined) return undefined;
  const isSound = hashOf(body, 'latin1') === hash;
  return { sequence: Number(sequence), previous, hash, isSound };
}

/** Each byte is a character, so that no two sequences of bytes have one text. */
export function plainText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function hashOf(body: string, encoding: 'utf8' | 'latin1'): string {
  return createHash('sha256').update(body, encoding).digest('hex');
}

/** `audit-00000001.jsonl` */
export function fileName(number: number): string {
  return `audit-${String(number).padStart(8, '0')}.jsonl`;
}

/** Undefined for a file that is none of a trail. */
export function fileNumber(name: string): number | undefined {
  const digits = /^audit-(\d{8,12})\.jsonl$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
