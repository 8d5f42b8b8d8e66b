/** Ranges of keys, merged so that each question is one search. */

import { compareBytes } from '../base/bytes.ts';

/** Keys in [from, to); no bytes leave the end open. */
export interface Interval {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Ascending, and none touches the next one. */
export function merged(intervals: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = [];
  const byStart = intervals.filter(isSome).sort((one, other) => compareBytes(one.from, other.from));
  for (const next of byStart) {
    const last = result.at(-1);
    if (last === undefined || (isEnd(last.to) && compareBytes(last.to, next.from) < 0)) {
      result.push(next);
    } else if (isEnd(last.to) && (!isEnd(next.to) || compareBytes(next.to, last.to) > 0)) {
      result[result.length - 1] = { from: last.from, to: next.to };
    }
  }
  return result;
}

/** Whether one of the merged intervals contains the whole range. An empty range is contained. */
export function contains(intervals: readonly Interval[], range: Interval): boolean {
  if (!isSome(range)) return true;
  return intervals.some(({ from, to }) => {
    if (compareBytes(from, range.from) > 0) return false;
    return !isEnd(to) || (isEnd(range.to) && compareBytes(range.to, to) <= 0);
  });
}

/** Whether one of the merged intervals contains the key. */
export function containsKey(intervals: readonly Interval[], key: Uint8Array): boolean {
  return intervals.some(({ from, to }) => {
    return compareBytes(from, key) <= 0 && (!isEnd(to) || compareBytes(key, to) < 0);
  });
}

function isEnd(to: Uint8Array): boolean {
  return to.length > 0;
}

function isSome({ from, to }: Interval): boolean {
  return !isEnd(to) || compareBytes(from, to) < 0;
}
