/** The slots of a client: which are free, and the sequences of those that are not. */

import { assert } from '../../base/assert.ts';
import { NUMBER_MAX } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';

const SLOTS = MACHINE_LIMITS.sessionSlots;

/**
 * A slot has one open request at a time, whatever its shards, and each has a greater sequence than
 * the one before: so shards take it for the acknowledgement of all earlier ones. The slot that was
 * given back last is taken first: as many have rows as requests were ever open at once.
 */
export class SlotPool {
  readonly #free: number[] = [];
  /** By slot: the sequence of its next request. */
  readonly #next: number[] = [];

  get hasFree(): boolean {
    return this.#free.length > 0 || this.#next.length < SLOTS;
  }

  /** The sequence of a request that was not used before. Required: `hasFree`. */
  take(): number {
    assert(this.hasFree, 'a request takes a slot that is free');
    const slot = this.#free.pop() ?? this.#next.length;
    const sequence = this.#next[slot] ?? slot;
    this.#next[slot] = sequence + SLOTS;
    return sequence;
  }

  /** Nothing more is asked under this sequence. */
  give(sequence: number): void {
    const slot = sequence % SLOTS;
    assert(this.#next[slot] === sequence + SLOTS, 'what is given back is the latest of its slot');
    // A slot whose numbers are spent is not used again.
    if (sequence + SLOTS <= NUMBER_MAX) this.#free.push(slot);
  }
}
