/**
 * The last rows that came from the disk. A machine reads a key and then writes it, and the state
 * hash must know what the write replaces: this spares it a second read.
 */

import { hash } from '../base/hash.ts';
import { compare } from './sorted-map.ts';
import { PREFIX_BYTES } from './state-key.ts';
import { TOMBSTONE, WORDS_BYTES } from './state-record.ts';

const SLOTS = 64;

interface Recent {
  readonly stored: Uint8Array;
  /** The checksum words alone, or `TOMBSTONE` if there was no row. */
  readonly words: Uint8Array;
}

export class RecentReads {
  readonly #slots: (Recent | undefined)[] = new Array(SLOTS);
  #isEmpty = true;

  note(stored: Uint8Array, record: Uint8Array | undefined): void {
    const isAbsent = record === undefined;
    const words = isAbsent ? TOMBSTONE : Uint8Array.from(record.subarray(0, WORDS_BYTES));
    this.#slots[slotOf(stored)] = { stored, words };
    this.#isEmpty = false;
  }

  get(stored: Uint8Array): Uint8Array | undefined {
    if (this.#isEmpty) return undefined;
    const recent = this.#slots[slotOf(stored)];
    if (recent === undefined || compare(recent.stored, 0, stored, 0) !== 0) return undefined;
    return recent.words;
  }

  /** The disk has changed. */
  clear(): void {
    this.#slots.fill(undefined);
    this.#isEmpty = true;
  }
}

function slotOf(stored: Uint8Array): number {
  return hash(stored, 0, PREFIX_BYTES - 1) % SLOTS;
}
