/**
 * A pool of slabs for arenas. Slabs that are left to the garbage collector pile up, because it does
 * not see their size in time, and then cost a full collection every few checkpoints.
 */

import { STATE_LIMITS } from '../limits.ts';

export const SLAB_BYTES = 64 * 1024;

const FREE_MAX = STATE_LIMITS.checkpointBytes / SLAB_BYTES;

/** Uninitialized memory, accessible by bytes and by words. */
export interface Slab {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

export class SlabPool {
  readonly #free: Slab[] = [];
  /** Slab of the copies made for callers, who share it. */
  #copies = newSlab(0);
  #copied = 0;

  take(): Slab {
    return this.#free.pop() ?? newSlab(SLAB_BYTES);
  }

  /**
   * A copy for the caller: from a word boundary on, smaller than a slab. `slice` costs far more.
   */
  copy({ words }: Slab, from: number, length: number): Uint8Array {
    const end = this.#copied + ((length + 3) & ~3);
    if (end > this.#copies.bytes.length) {
      this.#copies = newSlab(SLAB_BYTES);
      this.#copied = 0;
    }
    const at = this.#copied;
    const copies = this.#copies.words;
    for (let word = 0; word << 2 < length; word++) {
      copies[(at >> 2) + word] = words[(from >> 2) + word] as number;
    }
    this.#copied = at + ((length + 3) & ~3);
    return new Uint8Array(this.#copies.bytes.buffer, at, length);
  }

  /** Required: no view refers to these slabs any more. */
  give(slabs: readonly Slab[]): void {
    for (const slab of slabs) {
      if (slab.bytes.length === SLAB_BYTES && this.#free.length < FREE_MAX) this.#free.push(slab);
    }
  }
}

/** The length is a multiple of a word. */
export function newSlab(length: number): Slab {
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}
