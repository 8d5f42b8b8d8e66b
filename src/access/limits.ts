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
  /** Tokens that passwords were exchanged for; the oldest makes room. */
  loginsMax: 1024,
  loginsOfUserMax: 8,
  /** A key, and the least key behind one. */
  keyBytesMax: 4097,
  /** Of a limit of a user. */
  userLimitMax: 2 ** 40,
  /** Users with storage limits: every node counts, and tells, what each of them stores. */
  storageLimitedMax: 32,
  /** Of a storage limit, in keys or bytes. */
  storageLimitMax: 2 ** 50,
  /** What a rate admits at once after a rest. */
  burstMilliseconds: 1000,
  /** How long at most a user whose answers exceeded its rate waits for the next request. */
  debtMillisecondsMax: 60_000,
  /** All of it, encoded: every node keeps it with its map. */
  tableBytesMax: CATALOG_LIMITS.accessBytesMax,
} as const;

export const PASSWORD_LIMITS = {
  /** Of a new one, as NIST SP 800-63B demands. */
  charactersMin: 8,
  bytesMax: 1024,
  saltBytes: 16,
  verifierBytes: 32,
  /** What a cost may be: from 16 MiB to 128 MiB, and seconds at most. */
  logNMin: 14,
  logNMax: 17,
  r: 8,
  pMax: 4,
  /** Computed at a time by a node: the threads that do it also write the log. */
  checksAtOnce: 1,
  checksWaitingMax: 16,
} as const;

const MINUTE_MILLISECONDS = 60_000;

export const LOGIN_LIMITS = {
  lifeMillisecondsDefault: 12 * 60 * MINUTE_MILLISECONDS,
  lifeMillisecondsMax: 30 * 24 * 60 * MINUTE_MILLISECONDS,
  /** Roles that a login is limited to. */
  scopeMax: 16,
  /** Failures of a user from an address before it has to wait; then each one doubles the wait. */
  failuresFree: 3,
  waitMillisecondsMin: 1000,
  waitMillisecondsMax: 15 * MINUTE_MILLISECONDS,
  /** Attempts from one address, whatever became of them: so many at once, then one each time. */
  addressAttempts: 10,
  addressMilliseconds: 3000,
  /** Attempts for one user, from all addresses. */
  userAttempts: 40,
  userMilliseconds: 1000,
  /** Users and addresses that are remembered, of each kind. The one that waits least is dropped. */
  rememberedMax: 4096,
  /** How long an answer waits until its node knows the new token itself. */
  knownMilliseconds: 2000,
} as const;

assert(ACCESS_LIMITS.loginsOfUserMax <= ACCESS_LIMITS.loginsMax, 'a user has room');
assert(ACCESS_LIMITS.tableBytesMax < CATALOG_LIMITS.mapBytesMax, 'a map has room for it');
