/**
 * Values as JSON and back. Types that JSON lacks are objects with one field: `{"$bytes": base64}`,
 * `{"$integer": digits}`, `{"$number": "NaN"}`, `{"$time": …}`.
 */

import { isBase64, textOf } from './encoding.ts';
import { usageFailure } from './failure.ts';

/** Maximum nesting depth of a document. */
const DEPTH_MAX = 64;
/** Integers in a document: signed and unsigned, 64 bits. */
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

/** A value that `JSON.stringify` writes without loss. */
export function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return { $time: value.toISOString() };
  if (Array.isArray(value)) return value.map(plainOf);
  if (value instanceof Map) return plainOf(Object.fromEntries(value));
  if (typeof value === 'bigint') return plainInteger(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plainOf(part)]));
}

/** Keys that are valid UTF-8 become text. */
export function plainKeyOf(key: Uint8Array): unknown {
  return textOf(key) ?? plainOf(key);
}

export function parseDocument(text: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw usageFailure(
      `the value is not JSON: ${(error as Error).message}`,
      'write JSON, quoted for the shell: \'{"name": "Ada"}\'',
    );
  }
  return revived(parsed);
}

function plainInteger(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { $integer: String(value) };
}

/** Undefined if the text is not a valid integer. */
type Reader = (text: string) => unknown;

interface Form {
  readonly what: string;
  readonly read: Reader;
  readonly example: string;
}

const FORMS: ReadonlyMap<string, Form> = new Map([
  ['$bytes', { what: 'bytes in base64', read: bytesIn, example: '{"$bytes": "AAEC"}' }],
  [
    '$integer',
    {
      what: 'a 64-bit integer',
      read: integerIn,
      example: '{"$integer": "9223372036854775807"}',
    },
  ],
  [
    '$number',
    { what: 'a number', read: numberIn, example: '{"$number": "NaN"}, "Infinity" or "-Infinity"' },
  ],
  ['$time', { what: 'a time', read: timeIn, example: '{"$time": "2026-01-31T12:00:00.000Z"}' }],
]);

function revived(value: unknown, depthLeft = DEPTH_MAX): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depthLeft === 0) {
    throw usageFailure(
      `the value is nested deeper than ${DEPTH_MAX} levels`,
      'store it with --as text or --as bytes',
    );
  }
  if (Array.isArray(value)) return value.map((part) => revived(part, depthLeft - 1));
  const fields = Object.entries(value);
  const [field] = fields;
  const form = field && fields.length === 1 ? FORMS.get(field[0]) : undefined;
  if (field === undefined || form === undefined) {
    return Object.fromEntries(fields.map(([name, part]) => [name, revived(part, depthLeft - 1)]));
  }
  const [, text] = field;
  const read = typeof text === 'string' ? form.read(text) : undefined;
  if (read !== undefined) return read;
  throw usageFailure(
    `${JSON.stringify(value)} is not ${form.what}`,
    `write it as ${form.example}; an object whose only field is this one always means that type`,
  );
}

function bytesIn(text: string): Uint8Array | undefined {
  return isBase64(text) ? Uint8Array.from(Buffer.from(text, 'base64')) : undefined;
}

function integerIn(text: string): bigint | undefined {
  const value = /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value >= INTEGER_MIN && value <= INTEGER_MAX ? value : undefined;
}

function numberIn(text: string): number | undefined {
  return ['NaN', 'Infinity', '-Infinity'].includes(text) ? Number(text) : undefined;
}

function timeIn(text: string): Date | undefined {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
