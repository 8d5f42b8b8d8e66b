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
  /** All pieces came of the one with this index, and nobody was told whether they are sound. */
  #awaited: number | undefined;
  #isSwitching = false;
  /** It was said to be sound: the core may build on it. */
  #isPromised = false;

  constructor(shard: ShardId, store: StateStore) {
    this.#shard = shard;
    this.#store = store;
  }

  /** Whether another piece may be taken now; otherwise it waits with whoever brought it. */
  get hasRoom(): boolean {
    if (this.isAwaited || this.#isPromised) return false;
    return this.#install?.hasRoom ?? true;
  }

  /** All pieces came, and the disk has not said yet what they are. */
  get isAwaited(): boolean {
    return this.#awaited !== undefined;
  }

  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  take(chunk: ReceivedChunk): void {
    assert(!this.#isSwitching, 'no snapshot comes in while another becomes the state');
    if (chunk.offset === 0) {
      this.#install = this.#store.install(this.#shard, chunk.snapshot);
      this.#awaited = undefined;
    }
    const install = this.#install;
    const isNext =
      install?.description.index === chunk.snapshot.index && install.offset === chunk.offset;
    if (isNext) install.take(chunk.data);
    // A gap leaves the install short of its end, so that it is found unsound.
    if (chunk.isLast) this.#awaited = chunk.snapshot.index;
  }

  /** Once, when the disk has all of it and it is known whether it is what it should be. */
  verdict(): { readonly index: number; readonly isSound: boolean } | undefined {
    const [index, install] = [this.#awaited, this.#install];
    if (index === undefined) return undefined;
    const isOurs = install?.description.index === index;
    if (isOurs && install.status === 'coming' && install.isWhole) return undefined;
    this.#awaited = undefined;
    this.#isPromised = isOurs && install.status === 'sound';
    if (!this.#isPromised) this.#giveUp();
    return { index, isSound: this.#isPromised };
  }

  /** What was found sound and is not becoming the state is not wanted any more. */
  forget(): void {
    if (!this.#isPromised || this.#isSwitching) return;
    this.#isPromised = false;
    this.#giveUp();
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

  #giveUp(): void {
    if (this.#install !== undefined) this.#store.giveUp(this.#install);
    this.#install = undefined;
  }
}
