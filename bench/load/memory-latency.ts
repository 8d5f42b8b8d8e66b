/**
 * How long a random access to memory takes. On a shared machine other tenants fill the cache of all
 * cores and the memory bus, and it varies by a factor of two within minutes. Processes that sleep
 * between their turns find their data there, so their cost varies with it.
 */

const SLOTS = 2 ** 24;
const STEPS = 1_000_000;

let slots: Uint32Array | undefined;

/** Nanoseconds, over 64 MiB. */
export function memoryLatency(): number {
  slots ??= cycle();
  let at = 0;
  const began = performance.now();
  for (let step = 0; step < STEPS; step++) at = slots[at] as number;
  const nanoseconds = ((performance.now() - began) * 1e6) / STEPS;
  // The last slot depends on all before it, so no access can be left out.
  return at < SLOTS ? nanoseconds : Number.NaN;
}

/** Each slot names the next: a linear congruential sequence, which visits all of them. */
function cycle(): Uint32Array {
  const made = new Uint32Array(SLOTS);
  for (let at = 0; at < SLOTS; at++) made[at] = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
  return made.map((next) => next % SLOTS);
}
