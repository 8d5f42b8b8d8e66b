/** The moment at which a read is served, and what is known then. */

import type { LockTable, Prepared } from '../machine/lock-table.ts';
import type { PendingRead } from './reads.ts';
import type { RecentDeletes } from './recent-deletes.ts';
import type { ShardMachine } from './shard-machine.ts';

export interface ReadContext {
  readonly now: number;
  readonly time: number;
  /** Of the state; locked keys must not be read. */
  readonly lockTable: LockTable | undefined;
  /** The row under the lock of a holder whose outcome is known; undefined to wait. */
  readonly decided: (
    read: PendingRead,
    holder: Prepared,
    key: Uint8Array,
  ) => Uint8Array | undefined;
  /** Leases and tickets of the state. */
  readonly machine: Pick<ShardMachine, 'coordination' | 'leaseTimeAt' | 'epoch'>;
  /** The known deletions. */
  readonly recentDeletes: RecentDeletes | undefined;
  /** Of the entry that was applied last. */
  readonly index: number;
}
