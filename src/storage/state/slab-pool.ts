/**
 * A pool of slabs for arenas. Slabs that are left to the garbage collector pile up, because it does
 * not see their size in time, and then cost a full collection every few checkpoints.
 */

import { STATE_LIMITS } from '../limits.ts';

export const SLAB_BYTES = 64 * 1024;

/** Bytes of unused slabs: what two checkpoints fill. */
const FREE_BYTES_MAX = 2 * STATE_LIMITS.checkpointBytes;
/** Slabs of one row come in sizes of so many steps between two powers of two. */
const STEPS = 4;
/** Slabs up to this size are not kept. */
const SMALL_BYTES_MAX = SLAB_BYTES / 4;

/** Uninitialized memory, accessible by bytes and by words. */
export interface Slab {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

export class SlabPool {
  /** Unused slabs, by their size. */
  readonly #free = new Map<number, Slab[]>();
  #freeBytes = 0;
  /** Slab of the copies made for callers, who share it. */
  #copies = newSlab(0);
  #copied = 0;

  /** At least this long; longer by less than a quarter where the length is not a usual one. */
  take(length = SLAB_BYTES): Slab {
    const size = sizeFor(length);
    const slab = this.#free.get(size)?.pop();
    if (slab === undefined) return newSlab(size);
    this.#freeBytes -= size;
    return slab;
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
      const { length } = slab.bytes;
      // The small ones that a memtable begins with are not worth keeping.
      if (length <= SMALL_BYTES_MAX) continue;
      this.#freeBytes += length;
      const free = this.#free.get(length) ?? [];
      free.push(slab);
      // The sizes that come back are in use: they go to the end, and others are dropped first.
      this.#free.delete(length);
      this.#free.set(length, free);
      while (this.#freeBytes > FREE_BYTES_MAX) this.#dropOne();
    }
  }

  #dropOne(): void {
    for (const [length, free] of this.#free) {
      if (free.pop() !== undefined) {
        this.#freeBytes -= length;
        return;
      }
      this.#free.delete(length);
    }
  }
}

function sizeFor(length: number): number {
  const step = 2 ** (31 - Math.clz32(length - 1)) / STEPS;
  return Math.ceil(length / step) * step;
}

/** The length is a multiple of a word. */
export function newSlab(length: number): Slab {
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}
