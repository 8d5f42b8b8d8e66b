/**
 * The last rows read from the disk. A machine reads a key and then writes it, and the state hash
 * needs the replaced row: the cache saves a second read.
 */

import { hash } from '../../base/hash.ts';
import { compare } from '../files/byte-order.ts';
import { keyOf, PREFIX_BYTES, sectionOf } from './state-key.ts';
import { TOMBSTONE, WORDS_BYTES } from './state-record.ts';

const SLOTS = 64;

interface CachedRead {
  readonly stored: Uint8Array;
  /** The checksum words, or `TOMBSTONE` if there was no row. */
  readonly words: Uint8Array;
}

export class ReadCache {
  readonly #slots: (CachedRead | undefined)[] = new Array(SLOTS);
  #isEmpty = true;

  note(stored: Uint8Array, record: Uint8Array | undefined): void {
    const isAbsent = record === undefined;
    const words = isAbsent ? TOMBSTONE : Uint8Array.from(record.subarray(0, WORDS_BYTES));
    this.#slots[slotOf(sectionOf(stored), keyOf(stored))] = { stored, words };
    this.#isEmpty = false;
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    if (this.#isEmpty) return undefined;
    const cached = this.#slots[slotOf(section, key)];
    if (cached === undefined || sectionOf(cached.stored) !== section) return undefined;
    return compare(cached.stored, PREFIX_BYTES, key, 0) === 0 ? cached.words : undefined;
  }

  /** The disk has changed. */
  clear(): void {
    this.#slots.fill(undefined);
    this.#isEmpty = true;
  }
}

function slotOf(section: number, key: Uint8Array): number {
  return hash(key, section) % SLOTS;
}
