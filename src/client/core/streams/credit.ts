/**
 * Credit of one stream: how many bytes its node may still send, by what waits for its consumers.
 *
 * What waits for a consumer is bounded by its share and one message. An entry that comes in parts
 * is told as a whole, so its parts wait for no consumer until then: the bound is the share and an
 * entry.
 */

import { assert } from '../../../base/assert.ts';
import { WATCH_LIMITS } from '../../../base/watch-limits.ts';

/** What was received for one consumer in one shard, and not consumed yet. */
export class Backlog {
  readonly share: number;
  #bytes = 0;

  constructor({ share }: { readonly share: number }) {
    this.share = share;
  }

  /** How much more may wait; it may be exceeded by one message. */
  get room(): number {
    return this.share - this.#bytes;
  }

  get isFull(): boolean {
    return this.room <= 0;
  }

  /** So much was consumed that it is worth to ask for more. */
  get isHalfFree(): boolean {
    return 2 * this.room >= this.share;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  consume(bytes: number): void {
    assert(bytes <= this.#bytes, 'only what was received is consumed');
    this.#bytes -= bytes;
  }
}

/** The node counts the same way. */
export class Credit {
  /** What the node may still send; it may exceed it by one message. */
  #left: number;
  /** Received, of an entry that is not complete. */
  #parts = 0;

  /** Required: at least half of the share is free. */
  constructor({ room }: Backlog) {
    this.#left = room;
  }

  /** What is granted on it and was not used. */
  get left(): number {
    return this.#left;
  }

  /** The node sends nothing until more is granted. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** A part of an entry. */
  receivePart(bytes: number): void {
    this.#left -= bytes;
    this.#parts += bytes;
  }

  /** Whole entries, or the last part of one. Returns the bytes that are consumed with them. */
  receive(bytes: number): number {
    this.#left -= bytes;
    const whole = this.#parts + bytes;
    this.#parts = 0;
    return whole;
  }

  /**
   * Returns what to grant to the node now, because this consumer has room for it; 0 for nothing
   * yet. Parts of an entry take no room: they must not keep the node from completing it.
   */
  grantFor(backlog: Backlog): number {
    const free = backlog.room - this.#left;
    if (backlog.isFull || 2 * free < backlog.share) return 0;
    const granted = Math.min(free, WATCH_LIMITS.creditBytesMax);
    this.#left += granted;
    return granted;
  }
}
