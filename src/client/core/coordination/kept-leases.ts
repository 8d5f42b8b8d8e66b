/**
 * The leases of a client: keeps them alive in every shard in which they are open, and knows which
 * of them can have been ended there.
 */

import { assert } from '../../../base/assert.ts';
import { COORDINATION_LIMITS } from '../../../base/coordination-limits.ts';
import type { ShardId } from '../../../base/ids.ts';
import { notApplied } from '../call-failure.ts';
import type { CloseReason } from '../port.ts';
import { Listener, type RequestBody } from '../shard-request.ts';
import type { CoreWrite } from './core-write.ts';
import type { ElapsedClock } from './elapsed-clock.ts';
import { KeptLease, type LeaseEndReason, type LeasePlace } from './kept-lease.ts';
import { type EndListener, LeaseEnds } from './lease-ends.ts';
import { keepRequest } from './lease-requests.ts';
import { LeaseUse } from './lease-use.ts';
import { LEASE_KEEPING } from './limits.ts';

interface LeasesOptions {
  readonly clock: ElapsedClock;
  /** 16 random bytes: the ids of leases that are drawn for locks begin like it. */
  readonly client: Uint8Array;
  readonly shardOf: (key: Uint8Array) => ShardId;
  readonly submit: (body: RequestBody) => void;
  readonly write: (write: CoreWrite) => void;
  /** The state of a lease has changed. */
  readonly onChange: (lease: KeptLease) => void;
}

/** The lease of all locks with one time to live, until it is replaced. */
interface SharedLease {
  readonly lease: KeptLease;
  readonly drawnAt: number;
}

export class KeptLeases {
  readonly #options: LeasesOptions;
  readonly #open = new Set<KeptLease>();
  readonly #ends: LeaseEnds;
  /** The one for the next lock, by time to live. */
  readonly #shared = new Map<number, SharedLease>();
  /** Those that were drawn for locks, and when each was used last: unused ones end. */
  readonly #drawn = new Map<KeptLease, number>();
  #drawnCount = 0;
  /** Nothing is to be done for any lease before. */
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#ends = new LeaseEnds(options);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Whether shards may have leases that end with the client. */
  get isHeldAnywhere(): boolean {
    return this.#open.size > 0 || !this.#ends.areKnown;
  }

  /** Whether time matters to any of them. */
  get isBusy(): boolean {
    if (this.#drawn.size > 0 || !this.#ends.isIdle) return true;
    for (const { places } of this.#open) {
      for (const { isOpen } of places.values()) if (isOpen) return true;
    }
    return false;
  }

  /** Required: fewer than `leasesMax` are there. */
  add(lease: KeptLease): void {
    assert(this.#open.size < LEASE_KEEPING.leasesMax, 'the number of leases has a bound');
    this.#adopt(lease);
  }

  /** The lease for a lock that names none. It is ended when it has had no user for a while. */
  draw(ttlMilliseconds: number, elapsed: number): KeptLease {
    const known = this.#shared.get(ttlMilliseconds);
    if (known !== undefined && this.#isGoodForMore(known, elapsed)) return known.lease;
    const { client } = this.#options;
    const id = client.slice(0, COORDINATION_LIMITS.leaseIdBytes);
    this.#drawnCount += 1;
    new DataView(id.buffer).setUint32(id.length - 4, this.#drawnCount);
    const note = new Uint8Array(0);
    const lease = new KeptLease({ id, ttlMilliseconds, note });
    this.#adopt(lease);
    this.#drawn.set(lease, elapsed);
    this.#shared.set(ttlMilliseconds, { lease, drawnAt: elapsed });
    return lease;
  }

  /** A lock has come to an end, and needs its lease no more. */
  drop(lease: KeptLease): void {
    assert(lease.users > 0, 'a lease has as many users as there are tickets under it');
    lease.users -= 1;
    if (this.#drawn.has(lease)) this.#drawn.set(lease, this.#options.clock.latest);
    this.#look();
  }

  /** How a command that names leases is sent, and what its answer says of them. */
  use(leases: readonly KeptLease[]): LeaseUse {
    const { clock, shardOf } = this.#options;
    return new LeaseUse({
      leases,
      shardOf,
      clock,
      onEnded: (lease) => this.lose(lease, clock.latest),
      onLate: (place) => this.#ends.endLate(place),
      onKnown: (known) => {
        for (const lease of known) this.#ends.concluded(lease);
        this.#look();
      },
    });
  }

  /** Before anything that depends on the state of a lease. */
  judge(elapsed: number): void {
    if (elapsed < this.#dueAt) return;
    for (const lease of this.#open) lease.judge(elapsed);
  }

  /** Judges all leases, and sends the keeps that are due. */
  tick(now: number): void {
    this.#ends.tick(now);
    const elapsed = this.#options.clock.at(now);
    if (elapsed < this.#dueAt) return;
    this.judge(elapsed);
    const due = new Map<ShardId, LeaseKeep[]>();
    for (const lease of this.#open) {
      if (this.#idleAt(lease) <= elapsed) {
        this.end(lease, 'released');
        continue;
      }
      for (const place of lease.places.values()) this.#collect({ lease, place }, elapsed, due);
    }
    for (const [shard, keeps] of due) {
      if (keeps.some(({ isDue }) => isDue)) this.#keep(shard, keeps, now);
    }
    this.#dueAt = this.#nextDue();
  }

  /** A shard does not have the lease, or has ended it: then it ends everywhere. */
  lose(lease: KeptLease, elapsed: number): void {
    this.end(lease, lease.provenUntil > elapsed ? 'revoked' : 'expired');
  }

  /**
   * It is over for this client at once. `onEnded` is called when each shard has ended it that may
   * have it, also those that an operation in flight was sent to; or with a failure, after which the
   * shards are asked on until its time to live is over.
   */
  end(
    lease: KeptLease,
    reason: LeaseEndReason,
    terms: { readonly timeoutMilliseconds?: number; readonly onEnded?: EndListener } = {},
  ): void {
    const { onEnded = () => {} } = terms;
    const { endMillisecondsMax } = LEASE_KEEPING;
    const timeoutMilliseconds = terms.timeoutMilliseconds ?? endMillisecondsMax;
    this.#open.delete(lease);
    this.#drawn.delete(lease);
    const shared = this.#shared.get(lease.ttlMilliseconds);
    if (shared?.lease === lease) this.#shared.delete(lease.ttlMilliseconds);
    if (!lease.end(reason)) return onEnded(undefined);
    this.#ends.begin(lease, { timeoutMilliseconds, onEnded });
  }

  /** Ends all of them. `onEnded` is called once, when all ends are known or the time is over. */
  endAll(terms: { readonly timeoutMilliseconds: number; readonly onEnded: () => void }): void {
    const { timeoutMilliseconds } = terms;
    for (const lease of [...this.#open]) this.end(lease, 'closed', { timeoutMilliseconds });
    this.#ends.finish(terms);
  }

  /** The client is closed: nothing is sent any more. */
  close({ code, message }: CloseReason): void {
    this.#ends.close(notApplied(code, message));
    for (const lease of this.#open) lease.end('closed');
    this.#open.clear();
    this.#drawn.clear();
    this.#shared.clear();
  }

  #adopt(lease: KeptLease): void {
    this.#open.add(lease);
    lease.onChange(this.#options.onChange);
    this.#look();
  }

  #isGoodForMore({ lease, drawnAt }: SharedLease, elapsed: number): boolean {
    lease.judge(elapsed);
    const age = elapsed - drawnAt;
    const { usersMax, lifetimes } = LEASE_KEEPING;
    const isYoung = age < lifetimes * lease.ttlMilliseconds;
    return lease.state === 'held' && lease.users < usersMax && isYoung;
  }

  /**
   * When it ends because no lock uses it. Locks that follow each other share one lease: its shards
   * remember the id of each that has ended for minutes, and take only so many.
   */
  #idleAt(lease: KeptLease): number {
    const usedAt = lease.users > 0 ? undefined : this.#drawn.get(lease);
    return usedAt === undefined ? Number.POSITIVE_INFINITY : usedAt + lease.ttlMilliseconds;
  }

  /** What will soon be due goes along with what is due. */
  #collect(
    { lease, place }: Pick<LeaseKeep, 'lease' | 'place'>,
    elapsed: number,
    due: Map<ShardId, LeaseKeep[]>,
  ): void {
    if (!place.isOpen || place.isAsking) return;
    const age = elapsed - place.keptAt;
    if (age < lease.keepMilliseconds / 2) return;
    const keeps = due.get(place.shard) ?? [];
    if (keeps.length === 0) due.set(place.shard, keeps);
    keeps.push({ lease, place, isDue: age >= lease.keepMilliseconds });
  }

  #keep(shard: ShardId, keeps: readonly LeaseKeep[], now: number): void {
    const { keptLeasesMax } = COORDINATION_LIMITS;
    for (let at = 0; at < keeps.length; at += keptLeasesMax) {
      this.#ask(shard, keeps.slice(at, at + keptLeasesMax), now);
    }
  }

  #ask(shard: ShardId, keeps: readonly LeaseKeep[], now: number): void {
    const { clock, submit } = this.#options;
    let sentAt = Number.NEGATIVE_INFINITY;
    const isOver = () => {
      for (const { place } of keeps) place.isAsking = false;
      this.#look();
    };
    const onAnswer = (ended: readonly Uint8Array[]): boolean => {
      const gone = new Set(ended.map(nameOf));
      isOver();
      for (const { lease, place } of keeps) {
        if (lease.state === 'ended') continue;
        if (gone.has(nameOf(lease.id))) this.lose(lease, clock.latest);
        else {
          lease.prove(place, sentAt);
          lease.judge(clock.latest);
        }
      }
      return true;
    };
    const life = Math.min(...keeps.map(({ lease }) => lease.ttlMilliseconds));
    const terms = { call: undefined, expiresAt: now + life };
    const listener = new Listener<readonly Uint8Array[]>(terms, onAnswer, isOver);
    for (const { place } of keeps) {
      place.isAsking = true;
      place.keptAt = clock.at(now);
    }
    const leases = keeps.map(({ lease }) => lease.id);
    const onSent = (at: number) => {
      sentAt = clock.at(at);
    };
    submit(keepRequest({ shard, leases, listener, onSent }));
  }

  #nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lease of this.#open) {
      const { places, keepMilliseconds, state } = lease;
      next = Math.min(next, this.#idleAt(lease));
      for (const { isOpen, isAsking, keptAt, provenUntil } of places.values()) {
        if (!isOpen) continue;
        if (!isAsking) next = Math.min(next, keptAt + keepMilliseconds);
        if (state === 'held') next = Math.min(next, provenUntil);
      }
    }
    return next;
  }

  /** Something has changed: the next tick looks at all leases. */
  #look(): void {
    this.#dueAt = Number.NEGATIVE_INFINITY;
  }
}

interface LeaseKeep {
  readonly lease: KeptLease;
  readonly place: LeasePlace;
  /** Otherwise it only goes along. */
  readonly isDue: boolean;
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
