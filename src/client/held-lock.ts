/** A lock as applications own it. */

import { KvError } from '../base/errors.ts';
import { typeNameOf } from '../base/type-name.ts';
import type { WriteCall } from './core/call.ts';
import { keyText } from './core/call-failure.ts';
import type { OwnedLock, UnlockCall } from './core/coordination/ticket-call.ts';
import type { Encoding } from './encoding.ts';
import type { Engine } from './engine.ts';
import { badFence, type Fence, fenceOf } from './fence.ts';
import type { Key } from './key.ts';
import type { Lock } from './lock.ts';
import { ObservedSignal } from './observed-signal.ts';
import { checkOptions, signalOf } from './option-checks.ts';
import { type CallOptions, invalid, timeoutOf } from './options.ts';

interface HeldLockTerms {
  readonly engine: Engine;
  readonly encoding: Encoding<unknown>;
  readonly name: Key;
  readonly owned: OwnedLock;
  /** It is a permit of a semaphore. */
  readonly isPermit: boolean;
  /** Default timeout of its calls. */
  readonly timeout: number;
}

export class HeldLock implements Lock {
  readonly #terms: HeldLockTerms;
  readonly #ending = new ObservedSignal(() => this.#look());
  #released: Promise<void> | undefined;

  constructor(terms: HeldLockTerms) {
    this.#terms = terms;
    terms.owned.onLost = () => this.#look();
  }

  get name(): Key {
    return this.#terms.name;
  }

  get fence(): Fence {
    const { owned, engine, isPermit } = this.#terms;
    if (isPermit) throw badFence('a permit of a semaphore has none, since others own it too');
    return fenceOf({ name: owned.ticket.name, token: owned.fence }, engine);
  }

  get signal(): AbortSignal {
    this.#look();
    return this.#ending.signal;
  }

  get isOwned(): boolean {
    this.#terms.engine.observe();
    return this.#terms.owned.loss === undefined;
  }

  get owner(): string {
    return Buffer.from(this.#terms.owned.ticket.lease.id).toString('hex');
  }

  /** Why it was lost; undefined while it is owned, and after its release. */
  get loss(): KvError | undefined {
    const { loss, ticket } = this.#terms.owned;
    if (loss === undefined || loss === 'released') return undefined;
    const { endReason } = ticket.lease;
    const why =
      loss === 'unsure'
        ? 'its lease was not confirmed in time'
        : `its lease has ended: ${endReason}`;
    const message = `lock ${keyText(ticket.name)} was lost: ${why}`;
    return new KvError({ code: 'lock-lost', outcome: 'notApplied', message });
  }

  async guard(keys: readonly Key[], options: CallOptions = {}): Promise<void> {
    checkOptions('guard', options, 'call');
    if (!Array.isArray(keys)) {
      throw invalid(`guard takes an array of keys, as guard(['a', 'b']); got ${typeNameOf(keys)}`);
    }
    const { engine, encoding, timeout } = this.#terms;
    const { name, token } = this.fence;
    const timeoutMilliseconds = timeoutOf(options.timeout, timeout);
    const guards = keys.map((given) => {
      const key = encoding.keyOf(given);
      return engine.ask<WriteCall, void>(
        () => {
          if (!this.isOwned) throw this.loss ?? this.#notOwned();
          const command = [{ type: 'fence', key, name, token } as const];
          return { type: 'write', command, timeoutMilliseconds };
        },
        () => {},
        options.signal,
      );
    });
    await Promise.all(guards);
  }

  /** Twice is once, but a call whose options are refused is none. */
  release(options: CallOptions = {}): Promise<void> {
    if (this.#released !== undefined) return this.#released;
    const { engine, owned, timeout } = this.#terms;
    let isAllowed = false;
    const released = engine.ask<UnlockCall, void>(
      () => {
        checkOptions('release', options, 'call');
        const timeoutMilliseconds = timeoutOf(options.timeout, timeout);
        isAllowed = true;
        return { type: 'unlock', lock: owned, timeoutMilliseconds };
      },
      () => {},
      signalOf(options),
    );
    if (!isAllowed) return released;
    this.#released = released;
    this.#ending.abort(this.#notOwned());
    return released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #look(): void {
    this.#terms.engine.observe();
    const { loss } = this;
    if (loss !== undefined) this.#ending.abort(loss);
  }

  #notOwned(): KvError {
    const message = `lock ${keyText(this.#terms.owned.ticket.name)} was released`;
    return new KvError({ code: 'lock-released', outcome: 'notApplied', message });
  }
}
