/**
 * The size of the logs of all shards, bounded in bytes together. Little is kept for followers that
 * are down, more for those that are heard and slow. Beyond the bound the largest logs are cut, and
 * a follower that needs the dropped entries gets a snapshot.
 */

import type { ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Replica } from '../shard/replica.ts';
import type { Log } from '../storage/log/log.ts';

interface BudgetParts {
  readonly log: Log;
  readonly limits: RaftLimits;
  readonly replicaOf: (shard: ShardId) => Replica | undefined;
}

/**
 * To be called after a checkpoint: only entries that the durable state contains are ever cut. A
 * shard that is sending a snapshot has a separate budget, because otherwise the log would have
 * moved past the snapshot when it arrives.
 */
export function keepWithinBudget({ log, limits, replicaOf }: BudgetParts): void {
  const { logTailBytesMax, logKeptBytesMax, logTransferBytesMax } = limits;
  const all = [logTailBytesMax, logKeptBytesMax, logTransferBytesMax];
  if (log.metrics().liveBytes <= Math.min(...all)) return;
  const sending: Replica[] = [];
  const waitedFor: Replica[] = [];
  const others: Replica[] = [];
  for (const shard of log.shards) {
    const replica = replicaOf(shard);
    if (replica === undefined) continue;
    if (isSending(replica)) sending.push(replica);
    else (isWaiting(replica) ? waitedFor : others).push(replica);
  }
  cut(log, others, Math.min(logTailBytesMax, logKeptBytesMax));
  cut(log, waitedFor, logKeptBytesMax);
  cut(log, sending, logTransferBytesMax);
}

/** A follower is heard, and behind. */
function isWaiting(replica: Replica): boolean {
  return replica.status().followers.some((one) => one.isActive && !one.isCaughtUp);
}

/** Space is low: entries are kept only for followers that are being sent a snapshot. */
export function keepNoneInReserve(replicas: Iterable<Replica>): void {
  for (const replica of replicas) {
    if (!isSending(replica)) replica.keepFrom(replica.durable + 1);
  }
}

function isSending(replica: Replica): boolean {
  const { followers } = replica.status();
  return followers.some(({ state, isActive }) => state === 'snapshot' && isActive);
}

function cut(log: Log, replicas: readonly Replica[], bytesMax: number): void {
  const share = shareOf(
    replicas.map(({ shard }) => log.bytesOf(shard)),
    bytesMax,
  );
  for (const replica of replicas) {
    const { shard } = replica;
    if (log.bytesOf(shard) > share) replica.keepFrom(log.firstWithin(shard, share));
  }
}

/** The largest size for each, so that all together stay within the bound. */
export function shareOf(sizes: readonly number[], bytesMax: number): number {
  const sorted = [...sizes].sort((one, other) => one - other);
  let left = bytesMax;
  for (const [at, size] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - at));
    if (size > share) return share;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}
