/** A lease as its client knows it: where it is open, and until when it is proven to live. */

import type { ShardId } from '../../../base/ids.ts';
import type { LeaseReference } from '../../../machine/command.ts';
import { LEASE_KEEPING } from './limits.ts';

/**
 * - `held`: every shard in which it is open has confirmed that it lives, not long ago.
 * - `unsure`: a shard has not confirmed it in time, and may have ended it.
 * - `ended`: it lives in no shard, or will soon not; for good.
 */
type LeaseState = 'held' | 'unsure' | 'ended';

/**
 * - `released`: by this client.
 * - `revoked`: ended while it was proven to live: an administrator has ended it.
 * - `expired`: not kept alive in time, because the client or the shard was cut off or stopped.
 * - `closed`: the client was closed.
 */
export type LeaseEndReason = 'released' | 'revoked' | 'expired' | 'closed';

interface LeaseTerms {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  readonly ttlMilliseconds: number;
  /** For people. */
  readonly note: Uint8Array;
}

/** The lease in one shard. Times are those of the elapsed clock. */
export interface LeasePlace {
  readonly lease: KeptLease;
  readonly shard: ShardId;
  /** A key of the shard, by which the end of the lease is routed. */
  readonly key: Uint8Array;
  /** Otherwise an operation that opens it may have taken effect, or still may. */
  isOpen: boolean;
  /** The shard does not end the lease before. */
  provenUntil: number;
  /** When the latest keep was sent, or the operation that opened it. */
  keptAt: number;
  /** A keep is in flight. */
  isAsking: boolean;
  /** When its time to live is over there, once its end was sent; infinite before. */
  goneAt: number;
}

export class KeptLease {
  readonly id: Uint8Array;
  readonly ttlMilliseconds: number;
  readonly note: Uint8Array;
  readonly places = new Map<ShardId, LeasePlace>();
  readonly #listeners: ((lease: KeptLease) => void)[] = [];
  #state: LeaseState = 'held';
  #endReason: LeaseEndReason | undefined;
  /** Locks, owned or waited for, and tickets that are still to be given back. */
  users = 0;
  /** Operations that may open it somewhere and are still to be sent. */
  unsentOpenings = 0;

  constructor({ id, ttlMilliseconds, note }: LeaseTerms) {
    this.id = id;
    this.ttlMilliseconds = ttlMilliseconds;
    this.note = note;
  }

  get state(): LeaseState {
    return this.#state;
  }

  /** Why it has ended; undefined before. */
  get endReason(): LeaseEndReason | undefined {
    return this.#endReason;
  }

  get keepMilliseconds(): number {
    return this.ttlMilliseconds / LEASE_KEEPING.keepDivisor;
  }

  /** How long a proof holds. */
  get provenMilliseconds(): number {
    const { provenPart, clockStepMilliseconds, tickMilliseconds } = LEASE_KEEPING;
    return this.ttlMilliseconds * provenPart - clockStepMilliseconds - tickMilliseconds;
  }

  /** No shard ends it before, by the elapsed clock. Infinite while it is open in none. */
  get provenUntil(): number {
    let until = Number.POSITIVE_INFINITY;
    for (const { isOpen, provenUntil } of this.places.values()) {
      if (isOpen && provenUntil < until) until = provenUntil;
    }
    return until;
  }

  /**
   * As an operation in this shard names it. It is opened once: if it were named so again, an
   * operation could open it anew after an administrator has ended it.
   */
  referenceIn(shard: ShardId): LeaseReference {
    const { id, ttlMilliseconds, note } = this;
    const isOpen = this.places.get(shard)?.isOpen === true;
    return { id, opening: isOpen ? undefined : { ttlMilliseconds, note } };
  }

  /**
   * The shard has confirmed an operation that opens the lease. A repeated copy may be answered with
   * the reply to the first one, so only the time of the first sending proves anything.
   */
  open({ shard, key }: Pick<LeasePlace, 'shard' | 'key'>, sentAt: number): void {
    const place = this.#placeIn({ shard, key });
    place.isOpen = true;
    this.prove(place, sentAt);
  }

  /** An operation that opens it is sent: the shard has it from now on, as far as is known. */
  doubt(where: Pick<LeasePlace, 'shard' | 'key'>): LeasePlace {
    return this.#placeIn(where);
  }

  /** The shard has renewed the lease at this moment or later. */
  prove(place: LeasePlace, sentAt: number): void {
    place.keptAt = Math.max(place.keptAt, sentAt);
    place.provenUntil = Math.max(place.provenUntil, sentAt + this.provenMilliseconds);
  }

  /** Whether it is held is a question of time. Called before anything that depends on it. */
  judge(elapsed: number): void {
    if (this.#state === 'ended') return;
    const state = this.provenUntil > elapsed ? 'held' : 'unsure';
    if (state === this.#state) return;
    this.#state = state;
    this.#tell();
  }

  /** False if it has ended before. */
  end(reason: LeaseEndReason): boolean {
    if (this.#state === 'ended') return false;
    this.#state = 'ended';
    this.#endReason = reason;
    this.#tell();
    return true;
  }

  /** The listener is called after each change of the state, in the order of these calls. */
  onChange(listener: (lease: KeptLease) => void): void {
    this.#listeners.push(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this);
  }

  #placeIn({ shard, key }: Pick<LeasePlace, 'shard' | 'key'>): LeasePlace {
    let place = this.places.get(shard);
    if (place === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      place = {
        lease: this,
        shard,
        key,
        isOpen: false,
        provenUntil: never,
        keptAt: never,
        isAsking: false,
        goneAt: Number.POSITIVE_INFINITY,
      };
      this.places.set(shard, place);
    }
    return place;
  }
}
