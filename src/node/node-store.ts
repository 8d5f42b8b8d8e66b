/** The state store of a node, and what it reports to the replicas. */

import type { ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Replica } from '../shard/replica.ts';
import type { Log } from '../storage/log/log.ts';
import { gatedDisk } from '../storage/state/gated-disk.ts';
import type { StateDamage } from '../storage/state/state.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import { StateStore } from '../storage/state/state-store.ts';
import { keepWithinBudget } from './log-budget.ts';

interface NodeStoreOptions {
  readonly disk: StateDisk;
  /** The mark of the store. */
  readonly identity: Uint8Array;
  readonly log: Log;
  readonly now: () => number;
  readonly limits: RaftLimits;
  readonly replicaOf: (shard: ShardId) => Replica | undefined;
  /** The disk made progress. */
  readonly onProgress: () => void;
  readonly onDamage: (damage: StateDamage) => void;
}

export function openStore(options: NodeStoreOptions): StateStore {
  const { identity, replicaOf, onProgress, onDamage } = options;
  return new StateStore({
    disk: gatedDisk(options),
    identity,
    durableIndex: (shard) => replicaOf(shard)?.durable ?? Number.POSITIVE_INFINITY,
    onProgress,
    onBatch: ({ forgettable }) => {
      for (const { shard, description } of forgettable) {
        replicaOf(shard)?.saved(description.index);
      }
      keepWithinBudget(options);
    },
    onDamage: (damage) => {
      onDamage(damage);
      replicaOf(damage.shard)?.damaged(damage);
    },
  });
}
