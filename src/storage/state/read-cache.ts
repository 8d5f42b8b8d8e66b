/**
 * The checksum words of rows on the disk: of the last rows that were read, and of the last large
 * rows that were written. A machine reads a key and then writes it, and the state hash needs the
 * replaced row: the cache saves a second read. A large row is read again in vain whenever it is
 * replaced, and reading and verifying it would cost as much as writing the next one.
 */

import { hash } from '../../base/hash.ts';
import { compare } from '../files/byte-order.ts';
import type { Memtable } from './memtable.ts';
import { NO_ROW } from './sorted-rows.ts';
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

  /** The rows of this memtable are on the disk now. */
  follow(written: Memtable): void {
    if (!this.#isEmpty) {
      for (const cached of this.#slots) {
        if (cached === undefined) continue;
        const row = written.find(sectionOf(cached.stored), keyOf(cached.stored));
        if (row !== NO_ROW) this.note(cached.stored, recordOf(written, row));
      }
    }
    for (const row of written.arena.largeRows) {
      const stored = written.arena.key(row).slice();
      // A row that was replaced in the memtable is not on the disk.
      const isWritten = written.find(sectionOf(stored), keyOf(stored)) === row;
      if (isWritten) this.note(stored, written.arena.record(row));
    }
  }
}

function recordOf({ arena }: Memtable, row: number): Uint8Array | undefined {
  return arena.isTombstone(row) ? undefined : arena.record(row);
}

function slotOf(section: number, key: Uint8Array): number {
  return hash(key, section) % SLOTS;
}
