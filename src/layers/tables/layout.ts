/**
 * Where the things of a table are. All keys are bytes in one space of the layer:
 *
 *     c:TABLE                          the catalog of the table
 *     b:TABLE:INDEX                    how far the build of an index has come
 *     r:TABLE:{first}rest              a row: the parts of its key
 *     i:TABLE:INDEX:{first}rest(key)   an entry of an index: its fields, and the key of the row
 *
 * The first part stands in braces, so it alone decides on the shard: rows with the same first part
 * are in one shard, and so are the entries of an index that begins with the same field. A brace
 * inside the part is escaped, such that the order stays.
 */

import { TABLE_LIMITS } from './limits.ts';
import { behind, decodeParts, joinBytes, type TuplePart } from './tuple.ts';

const encoder = new TextEncoder();
const BRACE_OPEN = Uint8Array.of(0x7b);
const BRACE_CLOSE = Uint8Array.of(0x7d);
/** The byte before the closing brace stands for itself and for the brace. */
const ESCAPE = 0x7c;
const ESCAPED_ESCAPE = 0x01;
const ESCAPED_BRACE = 0x02;

export function catalogKey(table: string): Uint8Array {
  return encoder.encode(`c:${table}`);
}

export function progressKey(table: string, index: number): Uint8Array {
  return encoder.encode(`b:${table}:${index}`);
}

/** What all rows of a table begin with. */
export function rowPrefix(table: string): Uint8Array {
  return prefixOf(`r:${table}:`);
}

/** What all entries of an index begin with. */
export function entryPrefix(table: string, index: number): Uint8Array {
  return prefixOf(`i:${table}:${index}:`);
}

/** Every row and entry needs one, and a process has few of them. */
const PREFIXES = new Map<string, Uint8Array>();

function prefixOf(text: string): Uint8Array {
  const known = PREFIXES.get(text);
  if (known !== undefined) return known;
  if (PREFIXES.size >= TABLE_LIMITS.prefixesMax) PREFIXES.clear();
  const prefix = encoder.encode(text);
  PREFIXES.set(text, prefix);
  return prefix;
}

/** Encoded parts as they stand behind a prefix. */
export function placeOf([first, ...rest]: readonly Uint8Array[]): Uint8Array {
  if (first === undefined) return new Uint8Array();
  return joinBytes(BRACE_OPEN, escaped(first), BRACE_CLOSE, ...rest);
}

/** The parts of a place. */
export function partsAt(place: Uint8Array): TuplePart[] {
  const end = place.indexOf(BRACE_CLOSE[0] as number);
  const first = unescaped(place.subarray(1, end));
  return [...decodeParts(first), ...decodeParts(place.subarray(end + 1))];
}

/** A range of keys; the end is not part of it. */
export interface PlaceRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** The bytes of the next part: from these, to before those. */
export interface PartBounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** The keys behind a prefix whose first parts are these, and whose next one is in the bounds. */
export function rangeBehind(
  prefix: Uint8Array,
  equal: readonly Uint8Array[],
  bounds: PartBounds | undefined,
): PlaceRange {
  const start = joinBytes(prefix, placeOf(equal));
  if (bounds === undefined) return { from: start, to: behind(start) };
  const { from, to } = bounds;
  if (equal.length > 0) return { from: joinBytes(start, from), to: joinBytes(start, to) };
  // The next part is the first one, which stands in braces.
  const open = joinBytes(prefix, BRACE_OPEN);
  return { from: joinBytes(open, escaped(from)), to: joinBytes(open, escaped(to)) };
}

function escaped(part: Uint8Array): Uint8Array {
  if (!part.some(needsEscape)) return part;
  const bytes: number[] = [];
  for (const byte of part) {
    if (byte === ESCAPE) bytes.push(ESCAPE, ESCAPED_ESCAPE);
    else if (byte === BRACE_CLOSE[0]) bytes.push(ESCAPE, ESCAPED_BRACE);
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function needsEscape(byte: number): boolean {
  return byte === ESCAPE || byte === BRACE_CLOSE[0];
}

function unescaped(part: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < part.length; at++) {
    if (part[at] !== ESCAPE) bytes.push(part[at] as number);
    else bytes.push(part[++at] === ESCAPED_BRACE ? (BRACE_CLOSE[0] as number) : ESCAPE);
  }
  return Uint8Array.from(bytes);
}
