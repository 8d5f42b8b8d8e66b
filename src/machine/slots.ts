/**
 * A few rows that are all held in memory: they stand in a section under small numbers, so that
 * opening the state finds them one by one without a search.
 *
 * The row at the empty key holds the end of the numbers. A new row takes the lowest free number, so
 * the state alone decides, and memory holds the same on every replica.
 */

import { assert, present } from '../base/assert.ts';
import { NO_BYTES, type Writer } from '../base/message-pack.ts';
import { count, decode } from '../base/schema.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { RowWrite, StateSource } from './section.ts';

/** The number of a row has two bytes. */
const NUMBERS = 0x1_0000;

const END = count({ max: NUMBERS });

/** The writes of an entry, and the buffer that holds its rows. */
export interface WriteBuffer {
  readonly writer: Writer;
  readonly writes: RowWrite[];
}

export class Slots {
  readonly #section: number;
  readonly #rowsMax: number;
  readonly #isTaken: boolean[] = [];
  /** No number below it is free. */
  #fullBelow = 0;
  #count = 0;

  constructor({ source, section, rowsMax = TRANSACTION_LIMITS.slotsMax, onRow }: SlotOptions) {
    assert(rowsMax <= NUMBERS, 'each row has a number');
    this.#section = section;
    this.#rowsMax = rowsMax;
    const bytes = source.get(section, NO_BYTES);
    const end = bytes === undefined ? 0 : present(decode(END, bytes), 'an end of numbers is one');
    for (let slot = 0; slot < end; slot++) {
      const row = source.get(section, slotKey(slot));
      this.#isTaken.push(row !== undefined);
      if (row === undefined) continue;
      this.#count += 1;
      onRow(slot, row);
    }
  }

  get isFull(): boolean {
    return this.#count >= this.#rowsMax;
  }

  /** Required: not full. The row is written under the returned number. */
  take({ writer, writes }: WriteBuffer, write: (writer: Writer) => void): number {
    assert(!this.isFull, 'there is a free number');
    let slot = this.#fullBelow;
    while (this.#isTaken[slot] === true) slot += 1;
    const isNewEnd = slot === this.#isTaken.length;
    this.#isTaken[slot] = true;
    this.#fullBelow = slot + 1;
    this.#count += 1;
    const { length } = writer;
    write(writer);
    writes.push({ section: this.#section, key: slotKey(slot), value: writer.since(length) });
    if (isNewEnd) this.#writeEnd({ writer, writes });
    return slot;
  }

  /** Replaces the row under a number that is taken. */
  rewrite(slot: number, { writer, writes }: WriteBuffer, write: (writer: Writer) => void): void {
    assert(this.#isTaken[slot] === true, 'a rewritten number was taken');
    const { length } = writer;
    write(writer);
    writes.push({ section: this.#section, key: slotKey(slot), value: writer.since(length) });
  }

  free(slot: number, { writer, writes }: WriteBuffer): void {
    assert(this.#isTaken[slot] === true, 'a freed number was taken');
    this.#isTaken[slot] = false;
    this.#fullBelow = Math.min(this.#fullBelow, slot);
    this.#count -= 1;
    writes.push({ section: this.#section, key: slotKey(slot), value: undefined });
    if (slot < this.#isTaken.length - 1) return;
    while (this.#isTaken.at(-1) === false) this.#isTaken.pop();
    this.#writeEnd({ writer, writes });
  }

  #writeEnd({ writer, writes }: WriteBuffer): void {
    const { length } = writer;
    const end = this.#isTaken.length;
    if (end > 0) END.write(writer, end);
    const value = end > 0 ? writer.since(length) : undefined;
    writes.push({ section: this.#section, key: NO_BYTES, value });
  }
}

interface SlotOptions {
  readonly source: StateSource;
  readonly section: number;
  /** Rows at once. */
  readonly rowsMax?: number;
  /** For every row that is there, in the order of their numbers. */
  readonly onRow: (slot: number, row: Uint8Array) => void;
}

export function slotKey(slot: number): Uint8Array {
  return Uint8Array.of(slot >>> 8, slot);
}
