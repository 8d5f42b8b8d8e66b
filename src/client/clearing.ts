/** Clearing: the keys of a range are deleted page by page, as a scan finds them. */

import type { KeyRange } from './core/range.ts';
import type { Key } from './key.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { type CallOptions, invalid } from './options.ts';
import type { RangeOptions } from './range-options.ts';
import type { KeysOptions, Scanning } from './scanning.ts';

/**
 * What `clear` deletes: the keys with a prefix, those from one key to another, or, only if it says
 * so, all keys of the space.
 */
export type ClearRange = RangeOptions | { readonly everything: true };

/** Options of `clear`. `timeout` holds for each page of keys, not for the call as a whole. */
export interface ClearOptions extends CallOptions {
  /** The most keys to delete; the result then has the cursor with which to go on. */
  readonly limit?: number;
  /** Goes on where an earlier call with the same range stopped. */
  readonly cursor?: string;
  /** Called after each page of up to 1024 keys. If it throws, the call rejects with that. */
  readonly onProgress?: (progress: ClearProgress) => void;
}

/** How far `clear` has come. */
export interface ClearProgress {
  /** Keys that this call has deleted. */
  readonly deleted: number;
  /** Where another call can go on: a text that may be stored. */
  readonly cursor: string;
}

/** The result of `clear`. */
export interface Cleared {
  /** Keys that this call has deleted. */
  readonly deleted: number;
  /** Where to go on; absent if the end of the range was reached. */
  readonly cursor?: string;
}

/** The space whose keys are deleted. */
interface ClearHome {
  rangeOf(range: RangeOptions): KeyRange;
  keys(options: KeysOptions): Scanning<Key>;
  delete(key: Key, options: CallOptions): Promise<{ readonly wasThere: boolean }>;
}

/**
 * Each key is deleted by a write of its own, which takes effect once: a late copy of a request
 * cannot delete what was written after the call. A key that a transaction holds is waited for.
 */
export async function clearRange(
  home: ClearHome,
  range: ClearRange,
  options: ClearOptions,
): Promise<Cleared> {
  const { limit, cursor, onProgress, ...terms } = options;
  const scanning = home.keys({
    ...terms,
    ...boundsOf(home, range),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
    keys: 'bytes',
    read: 'linearizable',
  });
  let seen = 0;
  let deleted = 0;
  for await (const keys of pagesOf(scanning)) {
    // No delete of this call is open when it rejects.
    const results = await Promise.allSettled(keys.map((key) => home.delete(key, terms)));
    seen += keys.length;
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      if (result.value.wasThere) deleted += 1;
    }
    onProgress?.({ deleted, cursor: scanning.cursor });
  }
  return seen === limit ? { deleted, cursor: scanning.cursor } : { deleted };
}

/** A range that was left out by mistake must not delete everything. */
function boundsOf(home: ClearHome, range: ClearRange): RangeOptions {
  const { everything, ...bounds } = range as RangeOptions & { readonly everything?: boolean };
  const [whole, asked] = [home.rangeOf({}), home.rangeOf(bounds)];
  const isWhole =
    Buffer.compare(whole.from, asked.from) === 0 && Buffer.compare(whole.to, asked.to) === 0;
  if (everything === true ? isWhole : !isWhole) return bounds;
  throw invalid(
    everything === true
      ? 'clear takes either a range or everything: true, not both'
      : 'clear without a range deletes all keys: pass a prefix, from or to, or everything: true',
  );
}

/** The scan has not gone on behind the keys that were yielded last, so its cursor is theirs. */
async function* pagesOf(scanning: Scanning<Key>): AsyncGenerator<readonly Key[]> {
  const { clearKeysMax, clearBytesMax } = CLIENT_LIMITS;
  let keys: Key[] = [];
  let bytes = 0;
  for await (const key of scanning) {
    keys.push(key);
    bytes += key.length;
    if (keys.length < clearKeysMax && bytes < clearBytesMax) continue;
    yield keys;
    keys = [];
    bytes = 0;
  }
  if (keys.length > 0) yield keys;
}
