/**
 * The cost of applying one entry: the bytes of the rows that it reads and of those that it writes.
 *
 * A few bytes of an entry may cost much: an append of one byte rewrites the whole value. So the
 * cost is bounded, and every replica counts the same bytes and stops at the same operation. The
 * bound belongs to the rules that the entry names, so a later version may change it for later
 * entries and still applies old ones as they were applied.
 */

import { present } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';

/** The rules that a leader sets for its entries. A number is never given a second meaning. */
export const RULES = 1;

/** By the number of the rules, from 1. */
const WORK_BYTES_MAX: readonly number[] = [MACHINE_LIMITS.workBytesMax];

export class WorkMeter {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.#bytesMax = bytesMax;
  }

  /** Of an entry. Required: known rules. */
  static by(rules: number): WorkMeter {
    return new WorkMeter({ bytesMax: present(WORK_BYTES_MAX[rules - 1], 'its rules are known') });
  }

  /** For operations whose cost was counted before, and that have to be executed now. */
  static unbounded(): WorkMeter {
    return new WorkMeter({ bytesMax: Number.POSITIVE_INFINITY });
  }

  /** Bytes read and written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get isOver(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether there is room for this much more. */
  allows(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }
}
