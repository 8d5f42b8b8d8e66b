/** The port to what a shard's committed commands do: the data of users, or the catalog. */

import type { LockTable, Prepared } from '../machine/lock-table.ts';
import type { StateWrite } from '../storage/state/state.ts';
import type { RecentDeletes } from './recent-deletes.ts';

export interface ShardMachine {
  /** The time of the last entry, in milliseconds; 0 before the first. */
  readonly time: number;
  /** Which transactions hold which keys, as of the last entry; undefined where none can. */
  readonly lockTable: LockTable | undefined;
  /** What it has removed lately; undefined where nobody asks. */
  readonly recentDeletes: RecentDeletes | undefined;
  /**
   * What a command does, as the same for every replica. The store takes the writes before the next
   * call, which sees them. `unknown`: a later version wrote it; this replica can go no further.
   */
  apply(command: CommittedCommand): ApplyResult | 'unknown';
  /** The state beneath was replaced: what is kept in memory is read again. */
  reload(): void;
}

export interface CommittedCommand {
  readonly index: number;
  readonly payload: Uint8Array;
}

export interface ApplyResult {
  readonly writes: readonly StateWrite[];
  /** For whoever proposed it, as the machine spells them. */
  readonly replies: readonly Uint8Array[];
  /** Parts of transactions that have given their keys back. */
  readonly freed: readonly Prepared[];
  /** The earliest time at which one of the writes expires; infinite if none does. */
  readonly dueAt: number;
}

/** What a machine sees of its shard's state. */
export interface MachineView {
  get(section: number, key: Uint8Array): Uint8Array | undefined;
}
