/** The clock and the randomness of a real process; pure rooms are given theirs by who runs them. */

/** Milliseconds that only grow, from an arbitrary beginning. */
export function monotoneNow(): number {
  return performance.now();
}

/** Nobody can guess them. */
export function secureBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
