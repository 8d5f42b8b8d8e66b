/** Ranges of keys: what is asked of one shard at once, and what is left of it. */

import { compareBytes, keyBehind } from '../../base/bytes.ts';
import type { CheckRange, Operation } from '../../machine/command.ts';
import type { Response } from '../../wire/response.ts';

/** Keys in [from, to); no bytes leave an end open. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export type RangeResponse = Extract<Response, { type: 'range' }>;

/** With the clock of the client less the log time of the shard, when the rows were read. */
export type RangeAnswer = RangeResponse & { readonly clock: number };

export interface RangeQuestion {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly answer: 'rows' | 'keys' | 'count';
  readonly rowsMax: number;
}

export function isWithin(key: Uint8Array, { from, to }: KeyRange): boolean {
  return compareBytes(key, from) >= 0 && (to.length === 0 || compareBytes(key, to) < 0);
}

/**
 * Whether all keys of a range begin with these bytes, as its first one does. Required: the last
 * byte is less than 255. The end of a range says less than it seems: that of prefix `a{t}` is
 * `a{t~`, which has no closing brace.
 */
export function keysBeginWith({ to }: KeyRange, prefix: Uint8Array): boolean {
  const behind = prefix.slice();
  const last = behind.length - 1;
  behind[last] = (behind[last] as number) + 1;
  return to.length > 0 && compareBytes(to, behind) <= 0;
}

/** What is left of a range behind a key that was seen. */
export function rangeBehind(
  range: KeyRange,
  { last, isReverse }: { readonly last: Uint8Array; readonly isReverse: boolean },
): KeyRange {
  return isReverse ? { from: range.from, to: last } : { from: keyBehind(last), to: range.to };
}

/** The other piece: what was seen of a range if that is left of it. */
export function rangeBefore(range: KeyRange, rest: KeyRange, isReverse: boolean): KeyRange {
  return isReverse ? { from: rest.to, to: range.to } : { from: range.from, to: rest.from };
}

/**
 * For checks of absence, the applied index of their shard when the absence was seen. A key that is
 * created and deleted leaves no trace: without the index it would have to be locked.
 */
export type Moments = ReadonlyMap<Operation, number>;

/** Holds if nothing is, and was since, from the key to the least one behind it. */
export function absenceSince(key: Uint8Array, seenAt: number): CheckRange {
  return { type: 'check-range', key, to: keyBehind(key), count: 0, seenAt };
}
