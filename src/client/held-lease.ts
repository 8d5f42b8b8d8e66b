/** A lease as applications hold it. */

import { KvError } from '../base/errors.ts';
import { typeNameOf } from '../base/type-name.ts';
import { KeptLease } from './core/coordination/kept-lease.ts';
import type { EndLeaseCall } from './core/coordination/ticket-call.ts';
import type { Engine } from './engine.ts';
import type { EndedLease, Lease } from './lease.ts';
import { ObservedSignal } from './observed-signal.ts';
import { checkOptions, signalOf } from './option-checks.ts';
import { type CallOptions, invalid, timeoutOf } from './options.ts';

/** Where a lease keeps what the core knows of it, for the library alone. */
const KEPT: unique symbol = Symbol('lease');

interface HeldLeaseTerms {
  readonly engine: Engine;
  readonly ttlMilliseconds: number;
  readonly note: Uint8Array;
  /** Default timeout of its release. */
  readonly timeout: number;
}

export class HeldLease implements Lease {
  readonly [KEPT]: { readonly lease: KeptLease; readonly home: Engine };
  readonly id: string;
  readonly ended: Promise<EndedLease>;
  readonly #engine: Engine;
  readonly #timeout: number;
  /** Of the present spell in which it is held, or the last one. */
  #spell = this.#newSpell();
  /** Otherwise the spell is over, and its signal aborted. */
  #isHeld = true;
  #released: Promise<void> | undefined;

  constructor({ engine, ttlMilliseconds, note, timeout }: HeldLeaseTerms) {
    this.#engine = engine;
    this.#timeout = timeout;
    const kept = new KeptLease({ id: engine.secureBytes(16), ttlMilliseconds, note });
    this[KEPT] = { lease: kept, home: engine };
    this.id = Buffer.from(kept.id).toString('hex');
    // The core hears of a change first: a listener of the signal finds locks and writes refused.
    engine.keep(kept);
    this.ended = new Promise((resolve) => {
      kept.onChange(({ endReason }) => {
        this.#follow();
        if (endReason !== undefined) resolve({ reason: endReason });
      });
    });
  }

  get ttl(): number {
    return this[KEPT].lease.ttlMilliseconds;
  }

  get state(): Lease['state'] {
    this.#engine.observe();
    return this[KEPT].lease.state;
  }

  get signal(): AbortSignal {
    this.#look();
    return this.#spell.signal;
  }

  /** Twice is once, but a call whose options are refused is none. */
  release(options: CallOptions = {}): Promise<void> {
    if (this.#released !== undefined) return this.#released;
    let isAllowed = false;
    const released = this.#engine.ask<EndLeaseCall, void>(
      () => {
        checkOptions('release', options, 'call');
        const timeoutMilliseconds = timeoutOf(options.timeout, this.#timeout);
        isAllowed = true;
        return { type: 'end-lease', lease: this[KEPT].lease, timeoutMilliseconds };
      },
      () => {},
      signalOf(options),
    );
    if (isAllowed) this.#released = released;
    return released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #newSpell(): ObservedSignal {
    return new ObservedSignal(() => this.#look());
  }

  #look(): void {
    this.#engine.observe();
    this.#follow();
  }

  #follow(): void {
    const { state, endReason } = this[KEPT].lease;
    const isHeld = state === 'held';
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#spell = this.#newSpell();
    else this.#spell.abort(leaseLost(this.id, endReason));
  }
}

/** Throws unless it is a lease of this client. */
export function keptLeaseOf(lease: Lease, engine: Engine): KeptLease {
  const kept = (lease as Partial<HeldLease> | undefined)?.[KEPT];
  if (kept === undefined) {
    const what = typeNameOf(lease);
    throw invalid(`lease must be what await lease() of this client returned; got ${what}`);
  }
  if (kept.home !== engine) throw invalid('the lease belongs to another client');
  return kept.lease;
}

/** What signals abort with. */
function leaseLost(id: string, reason: EndedLease['reason'] | undefined): KvError {
  const what = reason === undefined ? 'was not confirmed in time' : `has ended: ${reason}`;
  return new KvError({
    code: 'lease-ended',
    outcome: 'notApplied',
    message: `lease ${id} ${what}`,
  });
}
