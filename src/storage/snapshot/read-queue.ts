/**
 * One read of the disk at a time, in the order of asking: however many snapshots are being sent,
 * a turn of the event loop takes in the rows of one slice.
 */

/** Begins when its turn has come; whoever asked says when it is over. */
export interface QueuedRead {
  readonly begin: () => void;
}

export class ReadQueue {
  readonly #queue: QueuedRead[] = [];

  /** It begins within the call if nothing else is being read. */
  add(read: QueuedRead): void {
    this.#queue.push(read);
    if (this.#queue.length === 1) read.begin();
  }

  /** It has its rows, or wants none any more. Safe to call twice. */
  end(read: QueuedRead): void {
    const at = this.#queue.indexOf(read);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    if (at === 0) this.#queue[0]?.begin();
  }
}
