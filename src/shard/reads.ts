/** Reads that wait: for a ReadIndex round of their leader, then for the machine to catch up. */

import type { Command } from '../machine/command.ts';
import type { Contender } from '../machine/transaction-id.ts';
import type { RangeQuery } from '../wire/request.ts';
import type { Requester } from './proposals.ts';
import type { TicketWait } from './ticket-waits.ts';

export interface PendingRead {
  readonly requester: Requester;
  /** In the node's monotone milliseconds: afterwards no answer is due. */
  readonly until: number;
  readonly what: Wanted;
  /** The epoch by which it was permitted; absent for reads of the node itself. */
  readonly epoch?: number;
  /** The read's keys are reserved for this transaction; checked keys are released. */
  readonly reserver?: Contender;
  /** Not served before this entry is applied. */
  readonly behind?: number;
  /** Decisions that were known here when it was asked: it was granted after they were made. */
  readonly known?: number;
  /**
   * For a read that met a lock: how long it may wait, however often it is retried without success.
   */
  readonly heldUntil?: number;
}

/** What a read wants from the state. */
export type Wanted =
  | { readonly type: 'keys'; readonly keys: readonly Uint8Array[] }
  | { readonly type: 'range'; readonly range: RangeQuery }
  /** Whether they hold. An owner holds locks itself, and waits only for lower priority. */
  | { readonly type: 'checks'; readonly checks: Command; readonly owner: Contender | undefined }
  /** Of a ticket that the state did not have when the request came. */
  | { readonly type: 'ticket'; readonly wait: TicketWait }
  | CoordinationQuery;

/** A page of leases or tickets. */
interface CoordinationQuery {
  readonly type: 'coordination';
  readonly what: 'leases' | 'tickets';
  readonly after: Uint8Array;
  readonly rowsMax: number;
}

/** Reads that share a round, or a grant. */
interface Batch {
  reads: readonly PendingRead[];
  /** The first of them is late after this. */
  until: number;
}

interface Granted extends Batch {
  readonly index: number;
}

export class Reads {
  /** Requested in this turn: they share one round. */
  #gathered: PendingRead[] = [];
  readonly #asked = new Map<number, Batch>();
  /** In the order of their grants; indexes may fall and rise. */
  #granted: Granted[] = [];
  #size = 0;

  get hasGathered(): boolean {
    return this.#gathered.length > 0;
  }

  /** All waiting reads. */
  get size(): number {
    return this.#size;
  }

  gather(read: PendingRead): void {
    this.#gathered.push(read);
    this.#size += 1;
  }

  /** Takes all gathered reads into a round with the number that the core will answer with. */
  ask(id: number): void {
    this.#asked.set(id, { reads: this.#gathered, until: earliestOf(this.#gathered) });
    this.#gathered = [];
  }

  /** The core refused the number; the caller refuses these reads. */
  refused(id: number): readonly PendingRead[] {
    const reads = this.#asked.get(id)?.reads ?? [];
    this.#asked.delete(id);
    this.#size -= reads.length;
    return reads;
  }

  granted(id: number, index: number): void {
    const batch = this.#asked.get(id);
    if (batch === undefined) return;
    this.#asked.delete(id);
    this.#granted.push({ index, ...batch });
  }

  /** Reads whose required applied index is known already. */
  grant(reads: readonly PendingRead[], index: number): void {
    if (reads.length === 0) return;
    this.#granted.push({ index, reads, until: earliestOf(reads) });
    this.#size += reads.length;
  }

  /** The reads that can be served now that the machine has applied through this index. */
  takeReady(applied: number): readonly PendingRead[] {
    if (this.#granted.length === 0) return [];
    const ready = this.#granted.filter(({ index }) => index <= applied);
    if (ready.length === 0) return [];
    this.#granted = this.#granted.filter(({ index }) => index > applied);
    const reads = ready.flatMap((batch) => batch.reads);
    this.#size -= reads.length;
    return reads;
  }

  /**
   * Reads that are late: the machine may be unable to apply for long, and no answer is due. Costs
   * the number of batches, and of reads in those batches that have a late one.
   */
  takeLate(now: number): readonly PendingRead[] {
    if (this.#size === 0) return [];
    const late: PendingRead[] = [];
    for (const [id, batch] of this.#asked) {
      takeLateOf(batch, now, late);
      if (batch.reads.length === 0) this.#asked.delete(id);
    }
    for (const batch of this.#granted) takeLateOf(batch, now, late);
    if (late.length === 0) return late;
    this.#granted = this.#granted.filter(({ reads }) => reads.length > 0);
    this.#size -= late.length;
    return late;
  }

  /** All waiting reads, to be refused: the replica ends. */
  takeAll(): readonly PendingRead[] {
    const all = [...this.#gathered];
    for (const { reads } of this.#asked.values()) all.push(...reads);
    for (const { reads } of this.#granted) all.push(...reads);
    this.#gathered = [];
    this.#asked.clear();
    this.#granted = [];
    this.#size = 0;
    return all;
  }
}

function takeLateOf(batch: Batch, now: number, late: PendingRead[]): void {
  if (batch.until >= now) return;
  for (const read of batch.reads) if (read.until < now) late.push(read);
  batch.reads = batch.reads.filter(({ until }) => until >= now);
  batch.until = earliestOf(batch.reads);
}

function earliestOf(reads: readonly PendingRead[]): number {
  return reads.reduce((earliest, { until }) => Math.min(earliest, until), Number.POSITIVE_INFINITY);
}
