/** A snapshot that is being received into the state store of one replica. */

import type { ShardId } from '../../src/base/ids.ts';
import type { ReceivedChunk } from '../../src/raft/ready.ts';
import type { SnapshotInstall } from '../../src/storage/snapshot/snapshot-install.ts';
import type { Services } from './services.ts';
import type { Storage } from './storage.ts';

export class SnapshotArrival {
  readonly #services: Services;
  readonly #storage: Storage;
  readonly #shard: ShardId;
  #install: SnapshotInstall | undefined;
  /** All pieces arrived up to this index, and the core waits for the result. */
  #complete: number | undefined;

  constructor(parts: {
    readonly services: Services;
    readonly storage: Storage;
    readonly shard: ShardId;
  }) {
    this.#services = parts.services;
    this.#storage = parts.storage;
    this.#shard = parts.shard;
  }

  /** Some of its rows may be on disk already. */
  get isComing(): boolean {
    return this.#install !== undefined;
  }

  take({ snapshot, offset, data, isLast }: ReceivedChunk): void {
    const { state } = this.#storage;
    if (offset === 0) {
      this.#install = state.install(this.#shard, snapshot);
      this.#complete = undefined;
    }
    const install = this.#install;
    const isNext = install?.description.index === snapshot.index && install.offset === offset;
    if (install !== undefined && isNext) {
      if (install.hasRoom) install.take(data);
      else this.#services.probes.hit('storage snapshot without room');
      this.#storage.wake();
    }
    if (install !== undefined && this.#services.buggify.fires('staging-lost', 8)) this.#giveUp();
    if (isLast) this.#complete = snapshot.index;
  }

  /** The result for the core, once it is known. */
  check(): { readonly index: number; readonly isSound: boolean } | undefined {
    const index = this.#complete;
    if (index === undefined) return undefined;
    const install = this.#install;
    const isOurs = install?.description.index === index;
    const status = isOurs ? install.status : 'over';
    // Rows may still be on their way to the disk, but no piece of the stream is.
    if (status === 'coming' && isOurs && install.isBusy) return undefined;
    this.#complete = undefined;
    if (status === 'sound' && !this.#services.buggify.fires('snapshot-refused-unseen')) {
      return { index, isSound: true };
    }
    this.#giveUp();
    return { index, isSound: false };
  }

  /** A verified snapshot becomes the state; undefined if there is none. */
  claim(index: number): SnapshotInstall | undefined {
    const install = this.#install;
    if (install?.description.index !== index || install.status !== 'sound') return undefined;
    this.#install = undefined;
    return install;
  }

  /** The core rejected it after all. */
  forget(): void {
    if (this.#complete === undefined && this.#install?.status === 'sound') this.#giveUp();
  }

  #giveUp(): void {
    if (this.#install !== undefined) this.#storage.state.giveUp(this.#install);
    this.#install = undefined;
  }
}
