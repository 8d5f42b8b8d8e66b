/** A snapshot that comes in piece by piece, is checked, and becomes the shard's state. */

import { assert } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import type { SnapshotDescription } from '../raft/message.ts';
import type { ReceivedChunk } from '../raft/ready.ts';
import type { SnapshotInstall } from '../storage/snapshot-install.ts';
import type { StateStore } from '../storage/state-store.ts';

export class SnapshotIntake {
  readonly #shard: ShardId;
  readonly #store: StateStore;
  #install: SnapshotInstall | undefined;
  /** All pieces came, and nobody has been told whether they are sound. */
  #isAwaited = false;
  #isSwitching = false;
  /** It was said to be sound: the core may build on it. */
  #isPromised = false;

  constructor(shard: ShardId, store: StateStore) {
    this.#shard = shard;
    this.#store = store;
  }

  /** Whether another piece may be taken now; otherwise it waits with whoever brought it. */
  get hasRoom(): boolean {
    return !this.#isPromised && (this.#install?.hasRoom ?? true);
  }

  /** All pieces came, and the disk has not said yet what they are. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  take(chunk: ReceivedChunk): void {
    assert(!this.#isSwitching, 'no snapshot comes in while another becomes the state');
    if (chunk.offset === 0) {
      this.#install = this.#store.install(this.#shard, chunk.snapshot);
      this.#isAwaited = false;
    }
    const install = this.#install;
    const isNext =
      install?.description.index === chunk.snapshot.index && install.offset === chunk.offset;
    if (isNext) install.take(chunk.data);
    // A gap leaves the install short of its end, so that it is found unsound.
    if (chunk.isLast) this.#isAwaited = true;
  }

  /** Once, when the disk has all of it and it is known whether it is what it should be. */
  verdict(): { readonly index: number; readonly isSound: boolean } | undefined {
    const install = this.#install;
    if (!this.#isAwaited || install === undefined) return undefined;
    const { index } = install.description;
    const isCut = !install.isWhole;
    if (install.status === 'coming' && !isCut) return undefined;
    this.#isAwaited = false;
    const isSound = install.status === 'sound';
    this.#isPromised = isSound;
    if (!isSound) this.#giveUp(install);
    return { index, isSound };
  }

  /** The core wants it to be the state; `done` when it is, for good. */
  switchTo(snapshot: SnapshotDescription, done: () => void): void {
    const install = this.#install;
    assert(install?.description.index === snapshot.index, 'what was found sound is installed');
    this.#isSwitching = true;
    this.#store.switchTo(install, () => {
      this.#isSwitching = false;
      this.#isPromised = false;
      this.#install = undefined;
      done();
    });
  }

  #giveUp(install: SnapshotInstall): void {
    this.#store.giveUp(install);
    this.#install = undefined;
  }
}
