/** Ranges as users give them, in keys of a space, and as the cluster knows them. */

import type { KeyRange } from './core/range.ts';
import { behindPrefix, encodeKey, type Key } from './key.ts';
import { invalid } from './options.ts';

/** A range of keys: by `prefix`, or by `from` and `to`. All keys of the space by default. */
export interface RangeOptions {
  /** Keys that begin with these bytes, this text or these parts of a tuple. */
  readonly prefix?: Key;
  /** The first key, included. */
  readonly from?: Key;
  /** The end of the range, not included. */
  readonly to?: Key;
}

/** In the bytes of the cluster: what is before the space and behind it is out of reach. */
export function rangeOf({ prefix, from, to }: RangeOptions, space: Uint8Array): KeyRange {
  if (prefix !== undefined && (from !== undefined || to !== undefined)) {
    throw invalid('a range is given by a prefix, or by from and to');
  }
  const inside = (key: Key) => new Uint8Array([...space, ...encodeKey(key)]);
  if (from !== undefined || to !== undefined) {
    return {
      from: from === undefined ? space : inside(from),
      to: to === undefined ? behindPrefix(space) : inside(to),
    };
  }
  const start = prefix === undefined ? space : inside(prefix);
  return { from: start, to: behindPrefix(start) };
}

/** Entries in all. */
export function limitOf(limit: number | undefined): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER;
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw invalid(`limit is ${limit}, it may be any whole number above 0`);
}
