/** Bounds of what the cluster keeps about users, tokens and roles. */

import { assert } from '../base/assert.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';

export const ACCESS_LIMITS = {
  rolesMax: 64,
  usersMax: 256,
  tokensMax: 1024,
  /** Ranges of one role. */
  grantsMax: 32,
  /** Of a user or a role. */
  nameBytesMax: 64,
  noteBytesMax: 120,
  /** A key, and the least key behind one. */
  keyBytesMax: 4097,
  /** Of a limit of a user. */
  userLimitMax: 2 ** 40,
  /** What a rate admits at once after a rest. */
  burstMilliseconds: 1000,
  /** How long at most a user whose answers exceeded its rate waits for the next request. */
  debtMillisecondsMax: 60_000,
  /** All of it, encoded: every node keeps it with its map. */
  tableBytesMax: CATALOG_LIMITS.accessBytesMax,
} as const;

assert(ACCESS_LIMITS.tableBytesMax < CATALOG_LIMITS.mapBytesMax, 'a map has room for it');
