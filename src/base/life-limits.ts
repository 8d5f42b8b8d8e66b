/** How long a life of a node waits for others to confirm it. */

import { assert } from './assert.ts';
import { NODE_LIMITS } from './node-limits.ts';
import { TRANSPORT_LIMITS } from './transport-limits.ts';

export const LIFE_LIMITS = {
  /** From the start of a node until a peer that it has not met counts as out of reach. */
  meetMilliseconds: 1000,
  /** How long peers are waited for that were met and do not say that they know this life. */
  slowClaimMilliseconds: 5000,
  /** A node that could confirm itself asks the addresses that it was given for so long at most. */
  enquiryMilliseconds: 5000,
  /** From one round of asking them to the next. */
  enquiryPauseMilliseconds: 300,
  /** A life that peers refuse for so long, since they hear another one, is a copy. */
  copyMilliseconds: 60_000,
} as const;

assert(
  LIFE_LIMITS.copyMilliseconds >= 10 * TRANSPORT_LIMITS.peerSilenceMilliseconds,
  'a line to a dead process is given up long before its successor is taken for a copy',
);
assert(
  LIFE_LIMITS.meetMilliseconds >= 4 * NODE_LIMITS.beatMilliseconds,
  'a peer that can be reached is met in time',
);
