/** The clock and the randomness of a real process; pure rooms get theirs injected. */

/** Monotone milliseconds from an arbitrary origin. */
export function monotoneNow(): number {
  return performance.now();
}

/** Milliseconds since 1970, by the clock of this machine. */
export function wallNow(): number {
  return Date.now();
}

/** Milliseconds of processor time that all threads of this process have used. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A time of that clock for people and programs, in UTC: `2026-12-31T09:00:00.000Z`. */
export function isoText(wall: number): string {
  return new Date(wall).toISOString();
}

/** Cryptographically secure. */
export function secureBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** For streams of randomness that need not be secret. */
export function randomSeed(): number {
  return new DataView(secureBytes(4).buffer).getUint32(0);
}
