/** One view of the disk, shared by all readers between the same two batches. */

import { assert } from '../../base/assert.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { DiskView, StateDisk } from './state-disk.ts';

interface Shared {
  readonly view: DiskView;
  holders: number;
}

export class SharedDiskView {
  readonly #disk: StateDisk;
  readonly #open = new Set<Shared>();
  #current: Shared | undefined;
  #holders = 0;

  constructor(disk: StateDisk) {
    this.#disk = disk;
  }

  /** A batch was submitted or became durable: later readers get a new view. */
  renew(): void {
    this.#current = undefined;
  }

  /** The number of views in use. */
  get size(): number {
    return this.#holders;
  }

  get hasRoom(): boolean {
    return this.#holders < STATE_LIMITS.viewsMax;
  }

  /** Returns the view and the function that releases it. */
  take(): { readonly view: DiskView; readonly release: () => void } {
    assert(this.#holders < STATE_LIMITS.viewsMax, 'open views are within their limit');
    this.#current ??= { view: this.#disk.view(), holders: 0 };
    const shared = this.#current;
    this.#open.add(shared);
    shared.holders += 1;
    this.#holders += 1;
    return { view: shared.view, release: () => this.#release(shared) };
  }

  #release(shared: Shared): void {
    shared.holders -= 1;
    this.#holders -= 1;
    if (shared.holders > 0) return;
    this.#open.delete(shared);
    if (this.#current === shared) this.#current = undefined;
    shared.view.close();
  }

  /** Views that are still in use become invalid. */
  close(): void {
    for (const { view } of this.#open) view.close();
    this.#open.clear();
  }
}
