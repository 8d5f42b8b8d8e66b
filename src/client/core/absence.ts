/** That a key was not there, told with the moment at which that was seen. */

import { keyBehind } from '../../machine/bytes.ts';
import type { CheckRange, Operation } from '../../machine/command.ts';

/**
 * Of checks of absence, the index through which their shard was applied when it was seen. A key
 * that comes and goes leaves no trace: without the index it would have to be locked.
 */
export type Moments = ReadonlyMap<Operation, number>;

/** From the key to the least one behind it there is nothing, and was nothing since. */
export function absenceSince(key: Uint8Array, seenAt: number): CheckRange {
  return { type: 'check-range', key, to: keyBehind(key), count: 0, seenAt };
}
