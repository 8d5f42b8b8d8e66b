/**
 * One read of the disk at a time, in the order of requests: however many snapshots are being sent,
 * a turn of the event loop processes the rows of one slice.
 */

/** `begin` is called when it is the read's turn; the requester calls `end`. */
export interface QueuedRead {
  readonly begin: () => void;
}

export class ReadQueue {
  readonly #queue: QueuedRead[] = [];

  /** Begins within the call if no other read is in progress. */
  add(read: QueuedRead): void {
    this.#queue.push(read);
    if (this.#queue.length === 1) read.begin();
  }

  /** The read is complete or canceled. Safe to call twice. */
  end(read: QueuedRead): void {
    const at = this.#queue.indexOf(read);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    if (at === 0) this.#queue[0]?.begin();
  }
}
