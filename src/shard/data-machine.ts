/** Adapts the machine of users' data to the port of a shard. */

import type { Operation } from '../machine/command.ts';
import type { Decisions } from '../machine/decisions.ts';
import { decodeDueKey } from '../machine/due-key.ts';
import type { LockTable, Prepared } from '../machine/lock-table.ts';
import { Machine } from '../machine/machine.ts';
import { failingCheck } from '../machine/precheck.ts';
import { type RowWrite, SECTION } from '../machine/section.ts';
import { passTo } from '../machine/shard-metadata.ts';
import { StateDamage } from '../storage/state/state.ts';
import { RecentDeletes } from './recent-deletes.ts';
import type {
  ApplyResult,
  CommittedCommand,
  MachineView,
  ShardCoordination,
  ShardMachine,
} from './shard-machine.ts';

export class DataMachine implements ShardMachine {
  readonly #view: MachineView;
  #machine: Machine;
  recentDeletes = new RecentDeletes();

  constructor(view: MachineView) {
    this.#view = view;
    this.#machine = new Machine({ source: view });
  }

  get time(): number {
    return this.#machine.metadata.logTime;
  }

  /** Of the arc that the shard has adopted; 0 before the first. */
  get epoch(): number {
    return this.#machine.metadata.epoch;
  }

  get recordUntil(): number {
    return this.#machine.metadata.recordUntil;
  }

  leaseTimeAt(time: number): number {
    const { metadata } = this.#machine;
    return time > metadata.logTime ? passTo(time, metadata).leaseTime : metadata.leaseTime;
  }

  get coordination(): ShardCoordination {
    return this.#machine.coordination;
  }

  get lockTable(): LockTable {
    return this.#machine.transactions.lockTable;
  }

  /**
   * Decisions of transactions whose home is this shard, until all participants have acknowledged.
   */
  get decisions(): Decisions {
    return this.#machine.transactions.decisions;
  }

  /** A check that does not hold now. A damaged row is reported when the command is applied. */
  precheck(operations: readonly Operation[]): ReturnType<typeof failingCheck> {
    try {
      const { fences } = this.#machine.coordination;
      const { lockTable } = this;
      return failingCheck(operations, { source: this.#view, lockTable, fences });
    } catch (error) {
      if (error instanceof StateDamage) return undefined;
      throw error;
    }
  }

  apply(command: CommittedCommand): ApplyResult | 'unknown' {
    const outcome = this.#machine.apply(command);
    if (outcome.type === 'unknown') return 'unknown';
    const { writes, replies, freed, changes, grants, fenced } = outcome;
    this.recentDeletes.note({ index: command.index, time: this.time }, writes);
    return { writes, replies, freed, dueAt: dueAtOf(writes), changes, grants, fenced };
  }

  rowAfter(holder: Prepared, key: Uint8Array): Uint8Array | undefined {
    return this.#machine.rowAfter(holder, key);
  }

  reload(): void {
    this.#machine = new Machine({ source: this.#view });
    this.recentDeletes = new RecentDeletes();
  }
}

function dueAtOf(writes: readonly RowWrite[]): number {
  let dueAt = Number.POSITIVE_INFINITY;
  for (const { section, key, value } of writes) {
    if (section !== SECTION.expiries || value === undefined) continue;
    dueAt = Math.min(dueAt, decodeDueKey(key)?.expiresAt ?? dueAt);
  }
  return dueAt;
}
