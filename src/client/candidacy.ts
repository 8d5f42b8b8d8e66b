/** A candidate: an exclusive lock of the key's name, and the key that shows who owns it. */

import type { KvError } from '../base/errors.ts';
import type {
  Election,
  ElectionOptions,
  Leadership,
  LeadOptions,
  ObserveOptions,
} from './election.ts';
import type { Fence, FenceSource } from './fence.ts';
import type { Key } from './key.ts';
import type { Lease } from './lease.ts';
import type { Lock, LockOptions } from './lock.ts';
import { checkOptions } from './option-checks.ts';
import type { Watch, WatchEvent } from './watch.ts';

/** The calls of the space in which the election is held. */
interface ElectionHome<V> {
  lease(options: { readonly ttl?: number; readonly note?: string }): Promise<Lease>;
  lock(name: Key, options: LockOptions): Promise<Lock>;
  set(
    key: Key,
    value: V,
    options: { readonly lease: Lease; readonly fence: FenceSource },
  ): Promise<unknown>;
  delete(key: Key, options: { readonly fence: FenceSource }): Promise<unknown>;
  watch(options: { readonly key: Key; readonly signal?: AbortSignal }): Watch<WatchEvent<V>>;
}

interface CandidacyTerms<V> extends ElectionOptions<V> {
  readonly home: ElectionHome<V>;
  readonly key: Key;
  /** The default of `wait`. */
  readonly wait: number;
}

export class Candidacy<V> implements Election<V> {
  readonly #terms: CandidacyTerms<V>;
  #term: Term<V> | undefined;
  #leading: Promise<Term<V>> | undefined;
  /** Ends the candidacy that waits. */
  #giveUp = new AbortController();

  constructor(terms: CandidacyTerms<V>) {
    this.#terms = terms;
  }

  async lead(options: LeadOptions = {}): Promise<Leadership<V>> {
    checkOptions('lead', options, 'lead');
    if (this.#term?.isLeader === true) return this.#term;
    // Calls that wait at the same time wait for one leadership.
    this.#leading ??= this.#begin(options).finally(() => {
      this.#leading = undefined;
    });
    return this.#leading;
  }

  async resign(): Promise<void> {
    this.#giveUp.abort();
    await this.#leading?.catch(ignore);
    await this.#endTerm();
  }

  /** A leader is told once, also where the key was read again after its changes were lost. */
  async *observe(options: ObserveOptions = {}): AsyncGenerator<V | undefined, void, undefined> {
    checkOptions('observe', options, 'observe');
    const { home, key } = this.#terms;
    let present: { readonly value: V; readonly version: number } | undefined;
    let told: number | undefined;
    let isSynced = false;
    for await (const event of home.watch({ key, ...options })) {
      if (event.type === 'set') present = event;
      else if (event.type === 'delete' || event.type === 'expire') present = undefined;
      else if (event.type === 'synced') isSynced = true;
      else if (event.type !== 'compacted') continue;
      else {
        isSynced = false;
        if (!event.differences) present = undefined;
      }
      const version = present?.version ?? 0;
      if (!isSynced || version === told) continue;
      told = version;
      yield present?.value;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }

  async #endTerm(): Promise<void> {
    const term = this.#term;
    this.#term = undefined;
    await term?.end();
  }

  async #begin({ signal, wait = this.#terms.wait }: LeadOptions): Promise<Term<V>> {
    const { home, key, value, ttl, note } = this.#terms;
    this.#giveUp = new AbortController();
    const { signal: givenUp } = this.#giveUp;
    await this.#endTerm();
    // A lease of its own: it ends with the leadership, and takes the key along.
    const about = note === undefined ? {} : { note };
    const lease = await home.lease(ttl === undefined ? about : { ttl, ...about });
    try {
      const ending = signal === undefined ? givenUp : AbortSignal.any([signal, givenUp]);
      const lock = await home.lock(key, { wait, signal: ending, lease, ...about });
      await home.set(key, value, { lease, fence: lock });
      this.#term = new Term({ home, key, lease, lock });
      return this.#term;
    } catch (error) {
      await lease.release().catch(ignore);
      throw error;
    }
  }
}

interface TermParts<V> {
  readonly home: ElectionHome<V>;
  readonly key: Key;
  readonly lease: Lease;
  readonly lock: Lock;
}

class Term<V> implements Leadership<V> {
  readonly #parts: TermParts<V>;
  readonly fence: Fence;

  constructor(parts: TermParts<V>) {
    this.#parts = parts;
    this.fence = parts.lock.fence;
  }

  get signal(): AbortSignal {
    return this.#parts.lock.signal;
  }

  get isLeader(): boolean {
    return this.#parts.lock.isOwned;
  }

  async proclaim(value: V): Promise<void> {
    const { home, key, lease, lock } = this.#parts;
    await home.set(key, value, { lease, fence: lock });
  }

  /** The key goes first: the next leader writes its own. What fails here goes with the lease. */
  async end(): Promise<void> {
    const { home, key, lease, lock } = this.#parts;
    if (lock.isOwned) await home.delete(key, { fence: lock }).catch((_: KvError) => {});
    await lock.release().catch(ignore);
    await lease.release();
  }
}

function ignore(): void {}
