/** The port to the state machine of a shard: users' data, or the catalog. */

import type { Coordination } from '../machine/coordination.ts';
import type { Changes } from '../machine/key-change.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import type { Grant } from '../machine/tickets.ts';
import type { StateWrite } from '../storage/state/state.ts';
import type { RecentDeletes } from './recent-deletes.ts';

export interface ShardMachine {
  /** The time of the last entry, in milliseconds; 0 before the first. */
  readonly time: number;
  /** The last adopted epoch; absent where there is none. */
  readonly epoch?: number;
  /** The last log time whose entries record their changes; 0 for a machine that records none. */
  readonly recordUntil: number;
  /** The locks of prepared transactions, as of the last entry; undefined where none can exist. */
  readonly lockTable: LockTable | undefined;
  /** Leases, tickets and fences, as of the last entry; undefined where none can exist. */
  readonly coordination: ShardCoordination | undefined;
  /** What the lease clock shows once an entry carries this log time. */
  leaseTimeAt(time: number): number;
  /** Its recent deletes; undefined for a machine that keeps none. */
  readonly recentDeletes: RecentDeletes | undefined;
  /**
   * Applies a command; every replica computes the same result. The store takes the writes before
   * the next call, which sees them. `unknown`: a later version wrote the command; this replica
   * cannot continue.
   */
  apply(command: CommittedCommand): ApplyResult | 'unknown';
  /**
   * The row of a key once its holder is committed, without committing it; no bytes for none.
   * Undefined if it depends on when that is done. Throws what the state throws.
   */
  rowAfter?(holder: Prepared, key: Uint8Array): Uint8Array | undefined;
  /** The state was replaced: rereads what is kept in memory. */
  reload(): void;
}

export type ShardCoordination = Pick<Coordination, 'leases' | 'tombstones' | 'tickets' | 'fences'>;

export interface CommittedCommand {
  readonly index: number;
  readonly payload: Uint8Array;
}

export interface ApplyResult {
  readonly writes: readonly StateWrite[];
  /** For the requesters, as the machine encodes them. */
  readonly replies: readonly Uint8Array[];
  /** Prepared parts that have released their locks. */
  readonly freed: readonly Prepared[];
  /** The earliest time at which one of the writes expires; infinite if none does. */
  readonly dueAt: number;
  /** What it changed in users' data; none for the catalog. */
  readonly changes: Changes;
  /** Tickets that waited, and own their lock now or are gone. */
  readonly grants: readonly Grant[];
  /** Commands that were refused because a newer owner of their lock has written. */
  readonly fenced: number;
}

/** What a machine sees of its shard's state. */
export interface MachineView {
  get(section: number, key: Uint8Array): Uint8Array | undefined;
}
