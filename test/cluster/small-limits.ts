/** Limits of the nodes of a simulated cluster: small, so that runs reach them. */

import { LOG_LIMITS } from '../../src/storage/limits.ts';

const KIB = 1024;

/** The largest values that they accept. */
export const VALUE_BYTES_MAX = 24 * KIB;

/** Small segments are switched and recycled often. */
export const SMALL_LOG = {
  ...LOG_LIMITS,
  segmentBytes: 1024 * KIB,
  batchBytesMax: 400 * KIB,
  moveBytesMax: 64 * KIB,
  segmentBytesMin: 1024 * KIB,
  lowBytesMin: 256 * KIB,
  lowBytesMax: 256 * KIB,
  fullBytesMin: 128 * KIB,
  fullBytesMax: 128 * KIB,
  reserveBytesMax: 64 * KIB,
  reservePieceBytes: 16 * KIB,
};

export const FRAMES = {
  keyBytesMax: 4096,
  valueBytesMax: VALUE_BYTES_MAX,
  frameBytesMax: 32 * 1024 * KIB,
  batchBytesMax: 1024 * KIB,
};
