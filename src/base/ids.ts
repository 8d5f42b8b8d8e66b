/** Ids, branded so that one kind cannot be used for another. */

import type { Random } from './random.ts';

/** One process of the cluster; the catalog assigns the number. */
export type NodeId = number & { readonly __node: never };

/** One arc of the ring and its Raft group. Shard 0 is the catalog. */
export type ShardId = number & { readonly __shard: never };

/**
 * One replica in one shard: drawn at random from 1 to 2^52, never reused. A node that lost its log
 * comes back under a new member id, so messages to or from its former life do not count.
 */
export type MemberId = number & { readonly __member: never };

/** Very probably unique within a shard; the caller still checks the ids in use. */
export function drawMember(random: Random): MemberId {
  return (1 + random.below(2 ** 20) * 2 ** 32 + random.word()) as MemberId;
}

/** No member: the leader is unknown, or the vote is not given. */
export const NO_MEMBER = 0 as MemberId;

/** Terms and indexes stay below 2^52, where every integer is exact and has room to grow. */
export const NUMBER_MAX = 2 ** 52;

/** A safe non-negative integer that can be a term, an index or a count. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= NUMBER_MAX;
}
