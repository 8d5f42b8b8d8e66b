/**
 * Rows in the order of their keys: a table for look-ups, and their names in sorted blocks, so that
 * a key is inserted without moving all others.
 */

import { present } from '../base/assert.ts';

/** A block with more names is split. */
const BLOCK_NAMES_MAX = 512;

export class OrderedRows<Row> {
  readonly #rows = new Map<string, Row>();
  /** None is empty; all names of a block are before those of the next one. */
  #blocks: string[][] = [];
  /** Iterators look for their place again when it has changed. */
  #inserts = 0;

  get size(): number {
    return this.#rows.size;
  }

  get(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  set(name: string, row: Row): void {
    if (!this.#rows.has(name)) this.#insert(name);
    this.#rows.set(name, row);
  }

  delete(name: string): boolean {
    if (!this.#rows.delete(name)) return false;
    const at = this.#blockOf(name);
    const block = present(this.#blocks[at], 'each name is in a block');
    block.splice(placeIn(block, name), 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
    this.#inserts += 1;
    return true;
  }

  /** The rows that exist when they are reached, in order, however the rows change meanwhile. */
  *[Symbol.iterator](): Generator<readonly [name: string, row: Row], undefined> {
    let [block, place, inserts] = [0, 0, this.#inserts];
    let last: string | undefined;
    for (;;) {
      if (inserts !== this.#inserts) {
        [block, place, inserts] = [...this.#behind(last), this.#inserts];
      }
      const names = this.#blocks[block];
      if (names === undefined) return undefined;
      const name = names[place];
      if (name === undefined) {
        block += 1;
        place = 0;
        continue;
      }
      place += 1;
      last = name;
      yield [name, present(this.#rows.get(name), 'each name has a row')];
    }
  }

  #behind(last: string | undefined): [block: number, place: number] {
    if (last === undefined || this.#blocks.length === 0) return [0, 0];
    const at = this.#blockOf(last);
    const names = present(this.#blocks[at], 'a name belongs to a block');
    const place = placeIn(names, last);
    return [at, names[place] === last ? place + 1 : place];
  }

  #insert(name: string): void {
    this.#inserts += 1;
    if (this.#blocks.length === 0) this.#blocks.push([]);
    const at = this.#blockOf(name);
    const block = present(this.#blocks[at], 'a name belongs to a block');
    block.splice(placeIn(block, name), 0, name);
    if (block.length <= BLOCK_NAMES_MAX) return;
    this.#blocks.splice(at + 1, 0, block.splice(BLOCK_NAMES_MAX / 2));
  }

  /** The last block that does not begin behind the name. */
  #blockOf(name: string): number {
    let [from, to] = [0, this.#blocks.length];
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if (present(this.#blocks[middle]?.[0], 'no block is empty') <= name) from = middle;
      else to = middle;
    }
    return from;
  }
}

/** The place of the first name that is not before this one. */
function placeIn(names: readonly string[], name: string): number {
  let [from, to] = [0, names.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (present(names[middle], 'it is within the block') < name) from = middle + 1;
    else to = middle;
  }
  return from;
}
