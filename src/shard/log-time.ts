/**
 * The log time of a shard: the time that its entries carry. It is the leader's monotone clock,
 * continued by its successors.
 *
 * A follower restarts its estimate with every entry: the time of the entry, plus what passed on its
 * own clock since it applied the entry. It applied the entry no earlier than the leader stamped it,
 * so its lead over that leader is the drift of two clocks since that one entry only. A leader
 * continues from its own stamps; if it restarted with each of its entries, log time would lose the
 * commit latency of each. While no replica lives, log time stands still.
 *
 * A restarted replica continues from the last entry that it applied. So that an idle shard does not
 * lose the time since, its leader stamps the log time while a key waits to expire.
 */
export class LogTime {
  #time: number;
  /** The reading of the local clock at that time. */
  #at: number;
  /** No entry carried a time yet: the value is a guess, which the first entry replaces. */
  #isGuess: boolean;

  constructor(anchor: { readonly time: number; readonly now: number; readonly isGuess: boolean }) {
    this.#time = anchor.time;
    this.#at = anchor.now;
    this.#isGuess = anchor.isGuess;
  }

  /** Only the leader of a shard whose entries carry no time may use it. */
  get isGuess(): boolean {
    return this.#isGuess;
  }

  /** In whole milliseconds; on a leader it never decreases. */
  read(now: number): number {
    return Math.floor(this.#exact(now));
  }

  /** The machine applied an entry of another leader with this time; 0 if it carried none. */
  follow(time: number, now: number): void {
    if (time === 0) return;
    // Also if it is smaller: a newcomer's wall clock may be years ahead of the shard.
    this.#isGuess = false;
    this.#time = time;
    this.#at = now;
  }

  /** Applied an entry that this replica stamped itself in its present term as leader. */
  confirm(time: number, now: number): void {
    if (this.#isGuess || time > this.#exact(now)) this.follow(time, now);
  }

  #exact(now: number): number {
    return this.#time + Math.max(0, now - this.#at);
  }
}
