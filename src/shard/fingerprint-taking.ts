/** Takes the fingerprint of a replica's state as of the entry that the leader named. */

import type { ShardId } from '../base/ids.ts';
import type { Fingerprint } from '../storage/state/shard-state.ts';
import type { StateStore } from '../storage/state/state-store.ts';

export class FingerprintTaking {
  readonly #shard: ShardId;
  readonly #store: StateStore;
  #index: number | undefined;

  constructor(shard: ShardId, store: StateStore) {
    this.#shard = shard;
    this.#store = store;
  }

  /**
   * As of this entry: immediately if it was applied last, else when it is applied. One at a time.
   */
  ask(index: number): void {
    this.#index = index;
    this.applied(this.#store.description(this.#shard).index);
  }

  /** The store has the writes of this entry, and of no later one. */
  applied(index: number): void {
    if (index !== this.#index) return;
    this.#store.beginFingerprint(this.#shard);
  }

  /**
   * The fingerprint as of an entry; undefined while it is missing, or if another entry was named.
   */
  taken(index: number): Fingerprint | undefined {
    const fingerprint = this.#index === index ? this.#store.fingerprint(this.#shard) : undefined;
    return fingerprint?.position.index === index ? fingerprint : undefined;
  }
}
