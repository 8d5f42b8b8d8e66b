/** Bounds of the audit trail: what waits in memory, what a line has, and the defaults on disk. */

import { assert } from '../base/assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export const AUDIT_LIMITS = {
  /** Lines that wait for the disk, and their bytes; further ones are dropped and counted. */
  queueLinesMax: 16_384,
  queueBytesMax: 8 * MIB,
  /** Bytes of one write. */
  writeBytesMax: 256 * KIB,
  /** How long the trail leaves a disk alone after a failure. */
  retryMilliseconds: 1000,
  /** Keys and ranges that a line lists; of others it has the number. */
  subjectsMax: 16,
  /** Bytes of a key that a line shows. */
  keyBytesMax: 256,
  /** The first bytes of a file that have its first line. */
  lineBytesMax: 64 * KIB,
  /** Bytes of one file. */
  fileBytesDefault: 16 * MIB,
  fileBytesMin: 64 * KIB,
  fileBytesMax: 256 * MIB,
  /** Bytes of all files. */
  bytesDefault: 256 * MIB,
  bytesMin: 256 * KIB,
  bytesMax: 1024 * 1024 * MIB,
  /** A power cut loses the lines of this time; fail-closed trails sync each write. */
  syncMillisecondsDefault: 1000,
  syncMillisecondsMax: 60_000,
  /** Rules of data requests. */
  rulesMax: 256,
} as const;

assert(
  AUDIT_LIMITS.subjectsMax * 6 * 2 * AUDIT_LIMITS.keyBytesMax + 8 * KIB < AUDIT_LIMITS.lineBytesMax,
  'a line with the longest keys, all escaped, is within its bound',
);
assert(
  AUDIT_LIMITS.writeBytesMax * 4 <= AUDIT_LIMITS.queueBytesMax,
  'what one write takes is a part of what may wait',
);
assert(
  AUDIT_LIMITS.bytesMin >= 4 * AUDIT_LIMITS.fileBytesMin,
  'the smallest trail has several files',
);
