/**
 * The ends of leases, on their way to the shards: to each to which an operation that opens the
 * lease was sent, until it has confirmed the end. A shard takes an end before such an operation as
 * well as after it: it does not open the lease any more.
 */

import type { CallFailure } from '../call-failure.ts';
import { notApplied } from '../call-failure.ts';
import type { CoreWrite } from './core-write.ts';
import type { ElapsedClock } from './elapsed-clock.ts';
import type { KeptLease, LeasePlace } from './kept-lease.ts';
import { LEASE_KEEPING } from './limits.ts';
import { Returns } from './returns.ts';

export type EndListener = (failure: CallFailure | undefined) => void;

interface EndsOptions {
  readonly clock: ElapsedClock;
  readonly write: (write: CoreWrite) => void;
}

interface EndTerms {
  /** How long `onEnded` may wait. */
  readonly timeoutMilliseconds: number;
  readonly onEnded: EndListener;
}

/** A lease that has ended for this client, until its shards know. */
interface Ending {
  readonly lease: KeptLease;
  /** Those that were asked and have not answered. */
  readonly asked: Set<LeasePlace>;
  expiresAt: number;
  readonly onEnded: EndListener;
  failure: CallFailure | undefined;
}

export class LeaseEnds {
  readonly #options: EndsOptions;
  readonly #endings = new Map<KeptLease, Ending>();
  readonly #returns: Returns<LeasePlace>;
  #onAllKnown: (() => void)[] = [];

  constructor(options: EndsOptions) {
    this.#options = options;
    const { write, clock } = options;
    this.#returns = new Returns<LeasePlace>({
      write,
      now: () => clock.now,
      commandOf: ({ key, lease }) => [{ type: 'end-lease', key, lease: lease.id }],
      timeoutOf: ({ lease }) => endTimeOf(lease),
      isLast: () => true,
      // Without keepalives a shard ends it by itself.
      isNeedless: ({ goneAt }) => clock.latest >= goneAt,
      onReturned: () => {},
    });
  }

  /** No shard is to be asked any more. */
  get isIdle(): boolean {
    return this.#endings.size === 0 && this.#returns.isIdle;
  }

  /** What became of each end is known, or its time is over. */
  get areKnown(): boolean {
    return this.#endings.size === 0;
  }

  /** Required: the lease has ended just now. `onEnded` is called once. */
  begin(lease: KeptLease, { timeoutMilliseconds, onEnded }: EndTerms): void {
    const expiresAt = this.#options.clock.now + timeoutMilliseconds;
    const ending = { lease, asked: new Set<LeasePlace>(), expiresAt, onEnded, failure: undefined };
    this.#endings.set(lease, ending);
    for (const place of lease.places.values()) this.#ask(place, ending, timeoutMilliseconds);
    this.#look(ending);
  }

  /** An operation that opens the lease there is sent although the lease has ended. */
  endLate(place: LeasePlace): void {
    if (Number.isFinite(place.goneAt)) return;
    const ending = this.#endings.get(place.lease);
    this.#ask(place, ending, endTimeOf(place.lease));
  }

  /** An operation that names the lease is over. */
  concluded(lease: KeptLease): void {
    const ending = this.#endings.get(lease);
    if (ending !== undefined) this.#look(ending);
  }

  /** No more leases begin. `onEnded` is called when what became of all ends is known. */
  finish({ timeoutMilliseconds, onEnded }: EndTerms): void {
    const expiresAt = this.#options.clock.now + timeoutMilliseconds;
    for (const ending of this.#endings.values()) {
      ending.expiresAt = Math.min(ending.expiresAt, expiresAt);
    }
    this.#onAllKnown.push(() => onEnded(undefined));
    this.#tellAllKnown();
  }

  tick(now: number): void {
    for (const ending of this.#endings.values()) {
      if (now < ending.expiresAt) continue;
      const message = 'a shard has not confirmed the end of the lease in time';
      this.#finish(ending, ending.failure ?? notApplied('timeout', message));
    }
    this.#returns.tick(now);
  }

  close(failure: CallFailure): void {
    this.#returns.close();
    for (const ending of [...this.#endings.values()]) this.#finish(ending, failure);
  }

  #ask(place: LeasePlace, ending: Ending | undefined, timeoutMilliseconds: number): void {
    ending?.asked.add(place);
    place.goneAt = this.#options.clock.latest + place.lease.ttlMilliseconds;
    const onEnded = (failure: CallFailure | undefined) => {
      if (ending === undefined) return;
      ending.failure ??= failure;
      ending.asked.delete(place);
      this.#look(ending);
    };
    this.#returns.add(place, { timeoutMilliseconds, onEnded });
  }

  /** What an operation that waits to be sent opens has to be ended as well. */
  #look(ending: Ending): void {
    if (ending.asked.size === 0 && ending.lease.unsentOpenings === 0) {
      this.#finish(ending, ending.failure);
    }
  }

  #finish(ending: Ending, failure: CallFailure | undefined): void {
    if (this.#endings.get(ending.lease) !== ending) return;
    this.#endings.delete(ending.lease);
    ending.onEnded(failure);
    this.#tellAllKnown();
  }

  #tellAllKnown(): void {
    if (!this.areKnown) return;
    const listeners = this.#onAllKnown;
    this.#onAllKnown = [];
    for (const listener of listeners) listener();
  }
}

/** Of one attempt: a shard refuses a deadline that is far away. */
function endTimeOf({ ttlMilliseconds }: KeptLease): number {
  return Math.min(ttlMilliseconds, LEASE_KEEPING.endMillisecondsMax);
}
