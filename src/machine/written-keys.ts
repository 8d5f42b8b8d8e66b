/** The keys that a batch has written so far: no other command of it may touch them. */

import { areEqual, nameOf } from '../base/bytes.ts';
import { hash } from '../base/hash.ts';

const SLOTS_MIN = 64;
/** The table is at most half full, so long probe sequences do not occur by chance. */
const WALK_MAX = 64;
const CROWDED = -1;

/**
 * An open-addressing table: keys are bytes, and as strings they would cost several times more. Its
 * hash function is predictable, so a client may choose keys with one hash; then the keys are kept
 * as strings.
 */
export class WrittenKeys {
  /** Indexes in `#keys` plus one, at the slot of the key's hash or in the next free one. */
  #slots = new Uint16Array(SLOTS_MIN);
  #keys: Uint8Array[] = [];
  /** The slot of each key, so that the last ones can be removed and all can be cleared. */
  #places: number[] = [];
  /** All of them as strings, once the table has been found crowded. */
  #names: Set<string> | undefined;

  get count(): number {
    return this.#keys.length;
  }

  /** Clears the table, and makes room for that many keys. */
  begin(keysMax: number): void {
    let slots = SLOTS_MIN;
    while (slots < keysMax * 2) slots *= 2;
    if (slots === this.#slots.length) this.cutTo(0);
    else this.#slots = new Uint16Array(slots);
    this.#keys = [];
    this.#places = [];
    this.#names = undefined;
  }

  has(key: Uint8Array): boolean {
    if (this.#keys.length === 0) return false;
    if (this.#names !== undefined) return this.#names.has(nameOf(key));
    const place = this.#placeOf(key);
    return place === CROWDED ? this.has(key) : this.#slots[place] !== 0;
  }

  /** False if it is there already. */
  add(key: Uint8Array): boolean {
    if (this.#names !== undefined) return this.#addName(this.#names, key);
    const place = this.#placeOf(key);
    if (place === CROWDED) return this.add(key);
    if (this.#slots[place] !== 0) return false;
    this.#places.push(place);
    this.#slots[place] = this.#keys.push(key);
    return true;
  }

  /** Removes all but the first ones: the key that was added last frees its slot first. */
  cutTo(count: number): void {
    while (this.#keys.length > count) {
      this.#names?.delete(nameOf(this.#keys.at(-1) as Uint8Array));
      this.#keys.pop();
      const place = this.#places.pop();
      if (place !== undefined && place !== CROWDED) this.#slots[place] = 0;
    }
  }

  #addName(names: Set<string>, key: Uint8Array): boolean {
    const name = nameOf(key);
    if (names.has(name)) return false;
    names.add(name);
    this.#keys.push(key);
    this.#places.push(CROWDED);
    return true;
  }

  /** `CROWDED` if it is not found within a few steps: from then on strings are used. */
  #placeOf(key: Uint8Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let place = hash(key) & mask;
    for (let walked = 0; walked < WALK_MAX; walked++) {
      const position = slots[place] as number;
      if (position === 0) return place;
      if (areEqual(this.#keys[position - 1] as Uint8Array, key)) return place;
      place = (place + 1) & mask;
    }
    this.#names = new Set(this.#keys.map(nameOf));
    return CROWDED;
  }
}
