/** The latencies of the disks of a simulated computer. */

import type { Random } from '../../src/base/random.ts';

export interface DiskSpeed {
  readonly minimum: number;
  readonly mean: number;
}

export const GOOD_SPEED: DiskSpeed = { minimum: 0.2, mean: 0.6 };

/** Of one operation, in milliseconds. */
export function latencyOf({ minimum, mean }: DiskSpeed, random: Random): number {
  return minimum - Math.log(1 - random.fraction()) * mean;
}
