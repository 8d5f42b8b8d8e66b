/**
 * Values as JSON and back. What JSON lacks is an object with one field: `{"$bytes": base64}`,
 * `{"$integer": digits}`, `{"$number": "NaN"}`, `{"$time": …}`.
 */

import { usageFailure } from './failure.ts';
import { textOf } from './spelling.ts';

/** Something that `JSON.stringify` writes without loss. */
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

/** Keys are text where they can be. */
export function plainKeyOf(key: Uint8Array): unknown {
  return textOf(key) ?? plainOf(key);
}

export function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value) => revived(value));
  } catch (error) {
    throw usageFailure(
      `the value is not JSON: ${(error as Error).message}`,
      'write JSON, in quotes for the shell: \'{"name": "Ada"}\'',
    );
  }
}

function plainInteger(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { $integer: String(value) };
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [field, ...more] = Object.entries(value);
  if (field === undefined || more.length > 0) return value;
  const [name, text] = field;
  if (typeof text !== 'string') return value;
  switch (name) {
    case '$bytes':
      return Uint8Array.from(Buffer.from(text, 'base64'));
    case '$integer':
      return BigInt(text);
    case '$number':
      return Number(text);
    case '$time':
      return new Date(text);
    default:
      return value;
  }
}
