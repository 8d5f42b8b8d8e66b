/** When a replica takes the fingerprint of its state: as of the entry that was agreed on. */

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

  /** As of this entry: at once if it was applied last, or when it will be. One at a time. */
  ask(index: number): void {
    this.#index = index;
    this.applied(this.#store.description(this.#shard).index);
  }

  /** The store has the writes of this entry, and of none behind it. */
  applied(index: number): void {
    if (index !== this.#index) return;
    this.#store.beginFingerprint(this.#shard);
  }

  /** The fingerprint as of an entry; undefined while it is not there, or if another was asked. */
  taken(index: number): Fingerprint | undefined {
    const fingerprint = this.#index === index ? this.#store.fingerprint(this.#shard) : undefined;
    return fingerprint?.position.index === index ? fingerprint : undefined;
  }
}
