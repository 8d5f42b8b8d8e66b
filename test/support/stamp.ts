/** Stamps of entries, where it is of no matter what a node takes in as one value. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Stamp } from '../../src/machine/entry.ts';

export function stampOf(stamp: Omit<Stamp, 'valueBytesMax'>): Stamp {
  return { valueBytesMax: MACHINE_LIMITS.valueBytesMax, ...stamp };
}
