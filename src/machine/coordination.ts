/** Leases, tickets and fences of a shard, and the entries that concern them alone. */

import { present } from '../base/assert.ts';
import { areEqual } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import type { Acquire, FenceCheck, LeaseReference } from './command.ts';
import type { LeaseEnd } from './entry.ts';
import { Fences } from './fences.ts';
import type { ChangeRecorder } from './key-change.ts';
import { attachmentKeyOf, encodeLeaseIds } from './lease.ts';
import { LeaseTombstones } from './lease-tombstones.ts';
import { Leases } from './leases.ts';
import type { LockTable } from './lock-table.ts';
import type { Reason, TicketState } from './reply.ts';
import { decodeRow } from './row.ts';
import { LOST, SECTION, type StateSource } from './section.ts';
import type { WriteBuffer } from './slots.ts';
import { type Grant, Tickets } from './tickets.ts';
import type { WorkMeter } from './work.ts';

/** The entry that is being applied. */
export interface CoordinationMoment extends WriteBuffer {
  readonly index: number;
  readonly logTime: number;
  readonly leaseTime: number;
}

export class Coordination {
  readonly #source: StateSource;
  readonly leases: Leases;
  readonly tombstones: LeaseTombstones;
  readonly tickets: Tickets;
  readonly fences: Fences;
  /** Commands that were refused since the last entry, because a newer owner has written. */
  #fenced = 0;

  constructor(source: StateSource) {
    this.#source = source;
    this.leases = new Leases(source);
    this.tombstones = new LeaseTombstones(source);
    this.tickets = new Tickets(source);
    this.fences = new Fences(source);
  }

  /** Why nothing can be attached to the lease; `more` leases will be opened before it. */
  objectionTo({ id, opening }: LeaseReference, more = 0): Reason | undefined {
    const lease = this.leases.of(id);
    if (lease !== undefined) return lease.endedAt === 0 ? undefined : 'lease-ended';
    if (opening === undefined || this.tombstones.has(id)) return 'lease-ended';
    const isFull = this.leases.size + more >= COORDINATION_LIMITS.leasesMax;
    return isFull || !this.#hasIdsFor(more) ? 'leases-full' : undefined;
  }

  /**
   * Opens the lease, or renews it: otherwise the confirmation of an operation that opens a lease
   * would prove nothing to its client. Required: no objection.
   */
  open({ id, opening }: LeaseReference, client: Uint8Array, moment: CoordinationMoment): void {
    if (opening === undefined) return;
    const { leaseTime } = moment;
    if (this.leases.isAlive(id)) this.leases.renew(id, leaseTime, moment);
    else this.leases.open({ ...opening, id, client }, leaseTime, moment);
  }

  /** The token of a newer owner that has written already, or why the fence cannot be kept. */
  objectionToFence({ name, token }: FenceCheck): number | Reason | undefined {
    const highest = this.fences.highest(name);
    if (highest > token) {
      this.#fenced += 1;
      return highest;
    }
    const isFull = highest === 0 && this.fences.size >= COORDINATION_LIMITS.fencesMax;
    return isFull ? 'fences-full' : undefined;
  }

  takeFenced(): number {
    const fenced = this.#fenced;
    this.#fenced = 0;
    return fenced;
  }

  /** What the operation gets in this entry. Changes nothing. */
  answerTo(acquire: Acquire, index: number): Reason | TicketState {
    return this.objectionTo(acquire.lease) ?? this.tickets.answerTo(acquire, index);
  }

  /** Required: `answerTo` said this in this entry. */
  acquire(acquire: Acquire, client: Uint8Array, moment: CoordinationMoment): void {
    const state = this.tickets.answerTo(acquire, moment.index);
    // Nothing is kept of a ticket that would have had to wait.
    if (typeof state === 'string' || state.number === 0) return;
    this.open(acquire.lease, client, moment);
    if (state.number === moment.index) this.tickets.add(acquire, state, moment, moment);
  }

  /** Whether the lease is alive, or why an end of it cannot be remembered. Changes nothing. */
  answerToEnd(id: Uint8Array): Reason | boolean {
    const isKnown = this.leases.of(id) !== undefined || this.tombstones.has(id);
    return isKnown || this.#hasIdsFor(0) ? this.leases.isAlive(id) : 'leases-full';
  }

  /**
   * Its tickets go now, its keys with later entries. Of a lease that the shard does not have, the
   * end is remembered: an operation that opens it may be on its way. Required: `answerToEnd` gave
   * no reason in this entry.
   */
  endLease(id: Uint8Array, moment: CoordinationMoment): void {
    if (this.leases.isAlive(id)) {
      this.leases.end(id, moment.index, moment);
      this.tickets.releaseAll(id, moment);
    } else if (this.leases.of(id) === undefined && !this.tombstones.has(id)) {
      this.tombstones.add(id, moment.logTime, moment);
    }
  }

  /** The reply names those that are not alive. */
  keep(ids: readonly Uint8Array[], moment: CoordinationMoment): Uint8Array {
    const lost: Uint8Array[] = [];
    for (const id of ids) {
      if (this.leases.isAlive(id)) this.leases.renew(id, moment.leaseTime, moment);
      else lost.push(id);
    }
    return encodeLeaseIds(lost);
  }

  /**
   * Judges anew what a leader found due: a keep that stands before this entry saves the lease.
   * Forgets tombstones that are not needed any more.
   */
  end(ends: readonly LeaseEnd[], moment: EndMoment): void {
    for (const end of ends) {
      const lease = this.leases.of(end.lease);
      const isAlive = lease?.endedAt === 0;
      if (isAlive && lease.expiresAt > moment.leaseTime) continue;
      if (isAlive) this.endLease(end.lease, moment);
      const areAllGone = this.#detach(end, moment);
      const endedAt = this.leases.of(end.lease)?.endedAt ?? 0;
      // A key may have been attached between the leader's scan and the end of the lease.
      const isScanned = end.isLast && areAllGone && endedAt > 0 && endedAt <= end.seenAt;
      if (isScanned) {
        this.leases.remove(end.lease, moment);
        this.tombstones.add(end.lease, moment.logTime, moment);
      } else this.tombstones.forget(end.lease, moment.logTime, moment);
    }
  }

  forget(names: readonly Uint8Array[], moment: EndMoment): void {
    for (const name of names) {
      if (moment.lockTable.fenceHolderOf(name) !== undefined) continue;
      this.fences.forget(name, moment.logTime, moment);
    }
  }

  /** The present entry has changed nothing that `finish` has to complete. */
  get isSettled(): boolean {
    return this.tickets.isSettled && this.fences.isSettled;
  }

  /** At the end of each entry. Returns what became of tickets that waited. */
  finish(index: number, into: WriteBuffer): readonly Grant[] {
    this.fences.finish(into);
    return this.tickets.grant(index, into);
  }

  /** Each lease that is opened can leave a tombstone; `more` are opened before. */
  #hasIdsFor(more: number): boolean {
    return this.leases.size + this.tombstones.size + more < COORDINATION_LIMITS.leaseIdsMax;
  }

  /** Deletes the keys that still name the lease. Whether none of them is left. */
  #detach({ lease, keys }: LeaseEnd, moment: EndMoment): boolean {
    const { index, lockTable, work, writes, recorder } = moment;
    let areAllGone = true;
    for (const key of keys) {
      // The transaction may write it; the leader finds the attachment again.
      if (work.isOver || lockTable.holderOf(key) !== undefined) {
        areAllGone = false;
        continue;
      }
      const bytes = this.#source.get(SECTION.values, key);
      // A lost value has lost its lease: the key stays until it is written or deleted.
      if (bytes !== undefined && bytes !== LOST) {
        work.add(bytes.length);
        const { version: removed, lease: own } = present(decodeRow(bytes), 'a row is one');
        if (own !== undefined && areEqual(own, lease)) {
          writes.push({ section: SECTION.values, key, value: undefined, removed });
          recorder.noteEnd('lease-ended', key, removed, index);
        }
      }
      const attachment = attachmentKeyOf(lease, key);
      writes.push({ section: SECTION.attachments, key: attachment, value: undefined });
    }
    return areAllGone;
  }
}

interface EndMoment extends CoordinationMoment {
  readonly lockTable: LockTable;
  readonly work: WorkMeter;
  readonly recorder: ChangeRecorder;
}
