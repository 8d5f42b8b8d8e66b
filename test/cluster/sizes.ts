/** The sizes that the nodes of a simulated cluster accept, and the logs that hold them. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { LOG_LIMITS, type LogLimits } from '../../src/storage/limits.ts';
import { FRAMES, SMALL_LOG } from './small-limits.ts';

const KIB = 1024;

export interface Sizes {
  readonly frames: typeof FRAMES;
  readonly log: LogLimits;
}

export const SMALL_SIZES: Sizes = { frames: FRAMES, log: SMALL_LOG };

/** Values as in production, and segments that can hold them. */
export const LARGE_SIZES: Sizes = {
  frames: { ...FRAMES, valueBytesMax: MACHINE_LIMITS.valueBytesDefault },
  log: {
    ...LOG_LIMITS,
    segmentBytes: 16 * 1024 * KIB,
    batchBytesMax: 6 * 1024 * KIB,
    reserveBytesMax: 64 * KIB,
    reservePieceBytes: 64 * KIB,
  },
};
