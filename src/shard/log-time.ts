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
  /** No entry told a time yet: what stands here is a guess, which the first one replaces. */
  #isGuess: boolean;

  constructor(anchor: { readonly time: number; readonly now: number; readonly isGuess: boolean }) {
    this.#time = anchor.time;
    this.#at = anchor.now;
    this.#isGuess = anchor.isGuess;
  }

  /** Only who leads a shard whose entries told none may go by it. */
  get isGuess(): boolean {
    return this.#isGuess;
  }

  /** Whole milliseconds; never less than before, but for a guess. */
  read(now: number): number {
    return Math.floor(this.#exact(now));
  }

  /** An entry of that time was applied; 0 for one without any. */
  observe(time: number, now: number): void {
    if (time === 0) return;
    // A newcomer's wall clock may be years ahead of the shard, and must not carry it there.
    if (!this.#isGuess && time <= this.#exact(now)) return;
    this.#isGuess = false;
    this.#time = time;
    this.#at = now;
  }

  #exact(now: number): number {
    return this.#time + Math.max(0, now - this.#at);
  }
}
