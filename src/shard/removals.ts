/**
 * Keys that were removed lately, and when. A key that came and went leaves no trace in the state,
 * so whoever has to know that a place was empty all the time asks here.
 *
 * It is not replicated: each replica remembers what it has applied in this life, as far as there is
 * room, and says of what was before that it does not know.
 */

import { SHARD_LIMITS } from '../base/limits.ts';
import { compareBytes } from '../machine/bytes.ts';
import { SECTION, type StateWrite } from '../machine/section.ts';

interface Removal {
  readonly index: number;
  readonly key: Uint8Array;
}

/** Keys in [from, to), no bytes leave the end open, and a moment: applied through this index. */
interface Question {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly since: number;
  /** The index that is applied now. */
  readonly applied: number;
}

export class Removals {
  /** In the order of their entries. */
  #removals: Removal[] = [];
  #bytes = 0;
  /** All that was removed behind it is known; infinite before the first entry. */
  #floor = Number.POSITIVE_INFINITY;

  /** Of every command, in order. */
  note(index: number, writes: readonly StateWrite[]): void {
    if (this.#floor === Number.POSITIVE_INFINITY) this.#floor = index - 1;
    for (const { section, key, value } of writes) {
      if (section !== SECTION.values || value !== undefined) continue;
      this.#removals.push({ index, key: key.slice() });
      this.#bytes += key.length + REMOVAL_BYTES;
    }
    if (this.#bytes > SHARD_LIMITS.removalsBytesMax) this.#forgetHalf();
  }

  /** Whether a key of the range may have been removed since. */
  mayHave({ from, to, since, applied }: Question): boolean {
    if (since >= applied) return false;
    if (since < this.#floor) return true;
    for (let at = this.#removals.length - 1; at >= 0; at--) {
      const { index, key } = this.#removals[at] as Removal;
      if (index <= since) return false;
      const isBefore = compareBytes(key, from) < 0;
      if (!isBefore && (to.length === 0 || compareBytes(key, to) < 0)) return true;
    }
    return false;
  }

  /** The older ones; an entry is forgotten as a whole. */
  #forgetHalf(): void {
    const middle = this.#removals[this.#removals.length >> 1];
    this.#floor = middle?.index ?? this.#floor;
    this.#removals = this.#removals.filter(({ index }) => index > this.#floor);
    this.#bytes = this.#removals.reduce((sum, { key }) => sum + key.length + REMOVAL_BYTES, 0);
  }
}

/** What a removal takes beside its key. */
const REMOVAL_BYTES = 64;
