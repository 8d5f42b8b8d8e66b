/** The clock and the randomness of a real process; pure rooms are given theirs by who runs them. */

/** Milliseconds that only grow, from an arbitrary beginning. */
export function monotoneNow(): number {
  return performance.now();
}

/** Milliseconds since 1970, as far as this machine knows. */
export function wallNow(): number {
  return Date.now();
}

/** Nobody can guess them. */
export function secureBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** For streams of randomness that nobody has a reason to guess. */
export function randomSeed(): number {
  return new DataView(secureBytes(4).buffer).getUint32(0);
}
