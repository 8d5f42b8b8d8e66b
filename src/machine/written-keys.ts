/** The keys that a batch has written so far: what no other command of it may touch. */

import { hash } from '../base/hash.ts';
import { areEqual } from './bytes.ts';

const SLOTS_MIN = 64;

/** A table of its own: keys are bytes, and as texts they would cost several times more. */
export class WrittenKeys {
  /** Positions in `#keys` plus one, at the slot of the key's hash or in the next free one. */
  #slots = new Uint16Array(SLOTS_MIN);
  #keys: Uint8Array[] = [];
  /** Where each key stands, so that the last ones can be taken back and all can be forgotten. */
  #places: number[] = [];

  get count(): number {
    return this.#keys.length;
  }

  /** Forgets all, and makes room for that many keys. */
  begin(keysMax: number): void {
    let slots = SLOTS_MIN;
    while (slots < keysMax * 2) slots *= 2;
    if (slots === this.#slots.length) this.cutTo(0);
    else this.#slots = new Uint16Array(slots);
    this.#keys = [];
    this.#places = [];
  }

  has(key: Uint8Array): boolean {
    return this.#keys.length > 0 && this.#slots[this.#placeOf(key)] !== 0;
  }

  /** False if it is there already. */
  add(key: Uint8Array): boolean {
    const place = this.#placeOf(key);
    if (this.#slots[place] !== 0) return false;
    this.#places.push(place);
    this.#slots[place] = this.#keys.push(key);
    return true;
  }

  /** Takes back all but the first ones: what was added last frees its slot first. */
  cutTo(count: number): void {
    while (this.#keys.length > count) {
      this.#keys.pop();
      this.#slots[this.#places.pop() as number] = 0;
    }
  }

  #placeOf(key: Uint8Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let place = hash(key) & mask;
    for (;;) {
      const position = slots[place] as number;
      if (position === 0) return place;
      if (areEqual(this.#keys[position - 1] as Uint8Array, key)) return place;
      place = (place + 1) & mask;
    }
  }
}
