/**
 * Credit of one stream: how many bytes its node may still send. The node counts the same way, so
 * what waits for the consumer is bounded by the share of the stream and one message.
 */

import { assert } from '../../../base/assert.ts';
import { WATCH_LIMITS } from '../../../base/watch-limits.ts';

export class Credit {
  readonly #share: number;
  /** What the node may still send; it may exceed it by one message. */
  #left = 0;
  /** Received, and not consumed yet. */
  #waiting = 0;
  /** Consumed, and not granted to the node again. */
  #owed = 0;

  constructor({ share }: { readonly share: number }) {
    this.#share = share;
  }

  /** The node sends nothing until more was consumed. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** What a new stream may send; 0 if it is not worth opening one until more was consumed. */
  begin(): number {
    const free = this.#share - this.#waiting;
    if (2 * free < this.#share) return 0;
    this.#left = free;
    this.#owed = 0;
    return free;
  }

  receive(bytes: number): void {
    this.#left -= bytes;
    this.#waiting += bytes;
  }

  /** Returns what to grant to the node now; 0 for nothing yet. */
  consume(bytes: number): number {
    assert(bytes <= this.#waiting, 'only what was received is consumed');
    this.#waiting -= bytes;
    this.#owed += bytes;
    if (2 * this.#owed < this.#share) return 0;
    const granted = Math.min(this.#owed, WATCH_LIMITS.creditBytesMax);
    this.#owed -= granted;
    this.#left += granted;
    return granted;
  }
}
