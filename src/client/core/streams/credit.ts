/**
 * Credit of one stream: how many bytes its node may still send. The node counts the same way, so
 * what waits for the consumer is bounded by the share of the stream and one message.
 *
 * An entry that comes in parts is told as a whole. Its parts must not keep the node from completing
 * it, so they are granted again at once, ahead of their consumption: the bound is then the share
 * twice, and the entry.
 */

import { assert } from '../../../base/assert.ts';
import { WATCH_LIMITS } from '../../../base/watch-limits.ts';

export class Credit {
  readonly #share: number;
  /** What the node may still send; it may exceed it by one message. */
  #left = 0;
  /** Received, and not consumed yet. */
  #waiting = 0;
  /** Of these, parts of an entry that is not complete. */
  #parts = 0;
  /** Of the parts, those that were not granted again yet. */
  #heldBack = 0;
  /** Granted again before it was consumed. */
  #ahead = 0;
  /** Consumed, and not granted to the node again. */
  #owed = 0;

  constructor({ share }: { readonly share: number }) {
    this.#share = share;
  }

  /** The node sends nothing until more was consumed. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /**
   * What a new stream may send; 0 if it is not worth opening one until more was consumed. It begins
   * with a whole entry.
   */
  begin(): number {
    this.#waiting -= this.#parts;
    this.#parts = 0;
    this.#heldBack = 0;
    const free = this.#share - this.#waiting;
    if (2 * free < this.#share) return 0;
    this.#left = free;
    this.#owed = 0;
    this.#ahead = 0;
    return free;
  }

  /** A part of an entry. Returns what to grant to the node now. */
  receivePart(bytes: number): number {
    this.#left -= bytes;
    this.#waiting += bytes;
    this.#parts += bytes;
    this.#heldBack += bytes;
    this.#advance();
    return this.#grant();
  }

  /** Whole entries, or the last part of one. Returns the bytes that are consumed with them. */
  receive(bytes: number): number {
    this.#left -= bytes;
    this.#waiting += bytes;
    const whole = this.#parts + bytes;
    this.#parts = 0;
    this.#heldBack = 0;
    return whole;
  }

  /** Returns what to grant to the node now; 0 for nothing yet. */
  consume(bytes: number): number {
    assert(bytes <= this.#waiting, 'only what was received is consumed');
    this.#waiting -= bytes;
    const paid = Math.min(this.#ahead, bytes);
    this.#ahead -= paid;
    this.#owed += bytes - paid;
    this.#advance();
    return this.#grant();
  }

  /** Once little waits in front of an entry, its node may complete it. */
  #advance(): void {
    if (this.#waiting - this.#parts >= this.#share) return;
    this.#owed += this.#heldBack;
    this.#ahead += this.#heldBack;
    this.#heldBack = 0;
  }

  #grant(): number {
    if (2 * this.#owed < this.#share) return 0;
    const granted = Math.min(this.#owed, WATCH_LIMITS.creditBytesMax);
    this.#owed -= granted;
    this.#left += granted;
    return granted;
  }
}
