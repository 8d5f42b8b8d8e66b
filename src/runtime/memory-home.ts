/** A data folder in memory: for a store that leaves nothing on disk and ends with its process. */

import type { Files } from '../storage/files/files.ts';
import type { FolderLock } from '../storage/files/folder-lock.ts';
import { InMemoryFiles } from '../storage/files/in-memory-files.ts';
import { isSpareName } from '../storage/log/log-folder.ts';
import { InMemoryState } from '../storage/state/in-memory-state.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import type { NodeHome } from './data-folder.ts';
import type { StoredIdentity } from './identity-file.ts';

const LOCK: FolderLock = { type: 'held', replenish: () => {}, release: async () => {} };

/** It outlives the nodes that run in it, one after the other. */
export class MemoryHome implements NodeHome {
  readonly path = 'the store in memory';
  readonly log = 'the log in memory';
  readonly state = 'the state in memory';
  readonly #files = new InMemoryFiles({ schedule: later, isBlank: isSpareName });
  readonly #rows = new InMemoryState(later);
  #identity: StoredIdentity | undefined;
  #map = new Uint8Array();
  #refusal: string | undefined;

  async lock(): Promise<FolderLock> {
    return LOCK;
  }

  openFiles(): Files {
    return this.#files;
  }

  async openState(): Promise<StateDisk> {
    return this.#rows.open();
  }

  readIdentity(): StoredIdentity | undefined {
    return this.#identity;
  }

  writeIdentity(stored: StoredIdentity): void {
    this.#identity = stored;
  }

  burn(cause: string): string {
    this.#refusal = `older-copy: other nodes have seen a later start (${cause})`;
    return this.#refusal;
  }

  readRefusal(): string | undefined {
    return this.#refusal;
  }

  readMap(): Uint8Array {
    return this.#map;
  }

  keepMap(bytes: Uint8Array): void {
    this.#map = bytes.slice();
  }

  async settle(): Promise<void> {}
}

/** As a disk reports: in a later turn. */
function later(report: () => void): void {
  setImmediate(report);
}
