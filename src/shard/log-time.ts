/**
 * The time that a shard's entries carry: the leader's monotone clock, carried on by its successors.
 *
 * A follower begins anew with every entry: the time of the entry, and what passed on its own clock
 * since it applied it. It applied the entry no earlier than its leader stamped it, so what it may
 * be ahead of that leader is the drift of two clocks since that one entry, not since it began to
 * follow. A leader goes on from what it stamped itself; if it began anew with each of its entries,
 * time would lose what each of them took to be committed. While no replica lives, it stands still.
 *
 * A replica that starts again goes on from the last entry that it applied. So that an idle shard
 * does not lose what passed since, its leader stamps the time while a key waits to expire.
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

  /** Whole milliseconds; of who leads never less than before. */
  read(now: number): number {
    return Math.floor(this.#exact(now));
  }

  /** The machine has come to that time by the entry of another; 0 for one that told none. */
  follow(time: number, now: number): void {
    if (time === 0) return;
    // Also if it is less: a newcomer's wall clock may be years ahead of the shard.
    this.#isGuess = false;
    this.#time = time;
    this.#at = now;
  }

  /** An entry was applied that this replica stamped itself, in the term in which it leads. */
  confirm(time: number, now: number): void {
    if (this.#isGuess || time > this.#exact(now)) this.follow(time, now);
  }

  #exact(now: number): number {
    return this.#time + Math.max(0, now - this.#at);
  }
}
