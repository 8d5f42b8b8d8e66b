/**
 * The congestion window of one lane: how many bytes may be in flight.
 *
 * The system buffers megabytes and does not report what the path has carried. So the sender inserts
 * marks between its frames, which the receiver answers at once. An answer that is later than the
 * fastest recent one by more than `queueMilliseconds` shows a queue on the path: the window shrinks
 * to what was carried in half of that time. It grows with timely answers while it is needed. This
 * is delay-based congestion control (as in TCP Vegas and LEDBAT, RFC 6817). Its purpose: a
 * heartbeat never queues for more than a fraction of an election timeout.
 */

import { assert } from '../base/assert.ts';
import type { TransportLimits } from '../base/transport-limits.ts';

interface Mark {
  readonly number: number;
  readonly at: number;
  /** All bytes sent before the mark. */
  readonly sent: number;
}

export class SendWindow {
  readonly #limits: TransportLimits;
  #bytes: number;
  #sent = 0;
  #answered = 0;
  #sentAt: number;
  #lastNumber = 0;
  /** Unanswered marks, oldest first. */
  #marks: Mark[] = [];
  /** The newest answered mark, and the time of its answer. */
  #before: { readonly sent: number; readonly at: number; readonly answeredAt: number };
  /** A frame had to wait since the last answer. */
  #wasFull = false;
  /** Only answers to later marks reflect the present window. */
  #resizedAt = Number.NEGATIVE_INFINITY;
  /** The fastest answers of this measurement period and of the previous one. */
  #fastest = Number.POSITIVE_INFINITY;
  #fastestBefore = Number.POSITIVE_INFINITY;
  #stretchBegan: number;

  constructor(limits: TransportLimits, now: number) {
    this.#limits = limits;
    this.#bytes = limits.windowBytesStart;
    this.#sentAt = now;
    this.#stretchBegan = now;
    this.#before = { sent: 0, at: now, answeredAt: now };
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A mark is in flight. This holds whenever the window is full, as each `left` sends one. */
  get isAwaited(): boolean {
    return this.#marks.length > 0;
  }

  /** Bytes that may be sent now; 0 while an answer is overdue. */
  roomAt(now: number): number {
    const [oldest] = this.#marks;
    const isOverdue = oldest !== undefined && now - oldest.at > this.#patience;
    const room = isOverdue ? 0 : this.#bytes - (this.#sent - this.#answered);
    if (room <= 0) this.#wasFull = true;
    return Math.max(room, 0);
  }

  /** Counts sent bytes. The window decays while nothing is sent. */
  left(bytes: number, now: number): void {
    const { windowBytesMin, windowIdleMilliseconds } = this.#limits;
    const halvings = Math.floor((now - this.#sentAt) / windowIdleMilliseconds);
    if (halvings > 0) this.#resize(Math.max(this.#bytes / 2 ** halvings, windowBytesMin));
    this.#sentAt = now;
    this.#sent += bytes;
  }

  /** The number of the mark to send now; undefined if none is due. */
  takeMark(now: number): number | undefined {
    const unmarked = this.#sent - (this.#marks.at(-1)?.sent ?? this.#answered);
    const isFull = this.#sent - this.#answered >= this.#bytes;
    const isDue = unmarked >= this.#bytes / 2 || (isFull && this.#marks.length === 0);
    if (!isDue || unmarked === 0) return undefined;
    this.#lastNumber += 1;
    this.#marks.push({ number: this.#lastNumber, at: now, sent: this.#sent });
    return this.#lastNumber;
  }

  /** False for an answer to an unknown or already answered mark. */
  answered(number: number, now: number): boolean {
    const mark = this.#marks.shift();
    if (mark?.number !== number) return false;
    assert(mark.sent >= this.#answered, 'marks are answered in the order in which they left');
    this.#answered = mark.sent;
    this.#learn(mark, now);
    this.#before = { sent: mark.sent, at: mark.at, answeredAt: now };
    this.#wasFull = false;
    return true;
  }

  get #patience(): number {
    const fastest = this.#fastestRecent;
    const known = fastest === Number.POSITIVE_INFINITY ? 0 : fastest;
    return known + this.#limits.queueMilliseconds;
  }

  get #fastestRecent(): number {
    return Math.min(this.#fastest, this.#fastestBefore);
  }

  #learn(mark: Mark, now: number): void {
    const { queueMilliseconds, windowBytesMin, windowBytesMax } = this.#limits;
    const delay = now - mark.at;
    this.#fastest = Math.min(this.#fastest, delay);
    const fastest = this.#fastestRecent;
    const queued = delay - fastest;
    if (mark.at >= this.#resizedAt && queued > queueMilliseconds) {
      const carried = (this.#bytes * (fastest + queueMilliseconds / 2)) / delay;
      this.#resize(Math.max(carried, windowBytesMin));
      this.#resizedAt = now;
    } else if (queued <= queueMilliseconds / 4 && (this.#wasFull || this.#isUsed(mark, now))) {
      this.#resize(Math.min(this.#bytes + mark.sent - this.#before.sent, windowBytesMax));
    }
    this.#turnStretch(now);
  }

  /** The rate at which a full window is sent within the permitted queueing time. */
  #isUsed(mark: Mark, now: number): boolean {
    const { sent, at, answeredAt } = this.#before;
    const milliseconds = Math.max(mark.at - at, now - answeredAt, 1);
    const rate = (mark.sent - sent) / milliseconds;
    return rate * this.#limits.queueMilliseconds >= this.#bytes;
  }

  /**
   * Paths change, so the fastest answer expires. If all answers of a period were slow, the queue
   * was never empty, and its delay would be mistaken for the delay of the path: so the queue is
   * drained once.
   */
  #turnStretch(now: number): void {
    const { windowStretchMilliseconds, queueMilliseconds, windowBytesMin } = this.#limits;
    if (now - this.#stretchBegan < windowStretchMilliseconds) return;
    const hadQueue = this.#fastest > this.#fastestBefore + queueMilliseconds / 4;
    this.#fastestBefore = this.#fastest;
    this.#fastest = Number.POSITIVE_INFINITY;
    this.#stretchBegan = now;
    if (hadQueue) this.#resize(windowBytesMin);
  }

  #resize(bytes: number): void {
    this.#bytes = Math.floor(bytes);
  }
}
