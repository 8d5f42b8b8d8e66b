/**
 * Keys that were removed lately, and when. A key that came and went leaves no trace in the state,
 * so whoever has to know that a place was empty all the time asks here.
 *
 * It is not replicated: each replica remembers what it has applied in this life, as far as there is
 * room, and says of what was before that it does not know.
 */

import { SHARD_LIMITS } from '../base/limits.ts';
import { compareBytes, nameOf } from '../machine/bytes.ts';
import { SECTION, type StateWrite } from '../machine/section.ts';

interface Removal {
  readonly index: number;
  readonly key: Uint8Array;
}

/** After the one index was applied, up to the other. */
interface Time {
  readonly since: number;
  readonly applied: number;
}

/** Keys in [from, to); no bytes leave the end open. */
interface Question extends Time {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export class Removals {
  /** In the order of their entries. */
  #removals: Removal[] = [];
  /** Of each key the last one, so that to ask for a key takes no longer the more are known. */
  readonly #last = new Map<string, number>();
  #bytes = 0;
  /** All that was removed behind it is known; infinite before the first entry. */
  #floor = Number.POSITIVE_INFINITY;

  /** Of every command, in order. */
  note(index: number, writes: readonly StateWrite[]): void {
    if (this.#floor === Number.POSITIVE_INFINITY) this.#floor = index - 1;
    for (const { section, key, value } of writes) {
      if (section !== SECTION.values || value !== undefined) continue;
      this.#removals.push({ index, key: key.slice() });
      this.#last.set(nameOf(key), index);
      this.#bytes += bytesOf(key);
    }
    if (this.#bytes > SHARD_LIMITS.removalsBytesMax) this.#forgetHalf();
  }

  /** Whether a key of the range may have been removed then. */
  mayHave({ from, to, since, applied }: Question): boolean {
    const atOnce = this.#answerFor({ since, applied });
    if (atOnce !== undefined) return atOnce;
    for (let at = this.#removals.length - 1; at >= 0; at--) {
      const { index, key } = this.#removals[at] as Removal;
      if (index > applied) continue;
      if (index <= since) return false;
      const isBefore = compareBytes(key, from) < 0;
      if (!isBefore && (to.length === 0 || compareBytes(key, to) < 0)) return true;
    }
    return false;
  }

  /** The same of one key; what is applied now is applied. */
  mayHaveKey(key: Uint8Array, time: Time): boolean {
    return this.#answerFor(time) ?? time.since < (this.#last.get(nameOf(key)) ?? 0);
  }

  /** Whatever the key, if nothing happened, or if it is not known any more what did. */
  #answerFor({ since, applied }: Time): boolean | undefined {
    if (since >= applied) return false;
    if (since < this.#floor) return true;
    return undefined;
  }

  /** The older ones; an entry is forgotten as a whole. */
  #forgetHalf(): void {
    const middle = this.#removals[this.#removals.length >> 1];
    this.#floor = middle?.index ?? this.#floor;
    this.#removals = this.#removals.filter(({ index }) => index > this.#floor);
    for (const [name, index] of this.#last) {
      if (index <= this.#floor) this.#last.delete(name);
    }
    this.#bytes = this.#removals.reduce((sum, { key }) => sum + bytesOf(key), 0);
  }
}

/** The key and its name, and what stands around them. */
function bytesOf(key: Uint8Array): number {
  return 2 * key.length + REMOVAL_BYTES;
}

const REMOVAL_BYTES = 128;
