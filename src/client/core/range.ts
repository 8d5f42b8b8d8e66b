/** Ranges of keys: what is asked of one shard at once, and what is left of it. */

import { keyBehind } from '../../machine/bytes.ts';
import type { Response } from '../../wire/response.ts';

/** Keys in [from, to); no bytes leave an end open. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export type RangeResponse = Extract<Response, { type: 'range' }>;

export interface RangeQuestion {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly answer: 'rows' | 'keys' | 'count';
  readonly rowsMax: number;
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
