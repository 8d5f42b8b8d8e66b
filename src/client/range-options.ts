/** Options of ranges: from keys of a space to the bytes of the cluster. */

import type { KeyRange } from './core/range.ts';
import { behindPrefix, encodeKey, type Key } from './key.ts';
import { invalid } from './options.ts';

/** A range of keys: by `prefix`, or by `from` and `to`. All keys of the space by default. */
export interface RangeOptions {
  /** Keys that begin with these bytes, this text or these parts of a tuple. */
  readonly prefix?: Key;
  /** The first key, included. */
  readonly from?: Key;
  /** The end of the range, not included. If it is not behind `from`, the range has no keys. */
  readonly to?: Key;
}

/** In the bytes of the cluster. It never leaves the space. */
export function rangeOf({ prefix, from, to }: RangeOptions, space: Uint8Array): KeyRange {
  if (prefix !== undefined && (from !== undefined || to !== undefined)) {
    throw invalid('a range has either a prefix, or from and to; not both');
  }
  const inside = (key: Key) => new Uint8Array([...space, ...encodeKey(key)]);
  if (from !== undefined || to !== undefined) {
    const start = from === undefined ? space : inside(from);
    if (to === undefined) return { from: start, to: behindPrefix(space) };
    const end = inside(to);
    // No bytes would leave the end open, but no key is before the empty one.
    return end.length === 0 ? NO_KEYS : { from: start, to: end };
  }
  const start = prefix === undefined ? space : inside(prefix);
  return { from: start, to: behindPrefix(start) };
}

const NO_KEYS: KeyRange = { from: Uint8Array.of(0), to: Uint8Array.of(0) };

/** The most entries of a scan. */
export function limitOf(limit: number | undefined): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER;
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw invalid(`limit must be a positive integer (got ${limit})`);
}
