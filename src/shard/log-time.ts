/**
 * The time that a shard's entries carry: the leader's monotone clock, carried on by its successors.
 *
 * Each replica adds to the time of an entry what passed on its own clock since it applied that
 * entry. It saw the entry no earlier than its leader stamped it, so it never runs ahead of that
 * leader, and no two clocks are ever compared: what expires by this time does so never early,
 * whatever wall clocks do. While no replica lives, the time stands still.
 */
export class LogTime {
  #time: number;
  /** The own clock's reading when it was that time. */
  #at: number;

  constructor(anchor: { readonly time: number; readonly now: number }) {
    this.#time = anchor.time;
    this.#at = anchor.now;
  }

  /** Whole milliseconds; never less than before. */
  read(now: number): number {
    return Math.floor(this.#exact(now));
  }

  /** An entry of that time was applied. */
  observe(time: number, now: number): void {
    if (time <= this.#exact(now)) return;
    this.#time = time;
    this.#at = now;
  }

  #exact(now: number): number {
    return this.#time + Math.max(0, now - this.#at);
  }
}
