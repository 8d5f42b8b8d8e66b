/**
 * A loop of fixed work that shows how fast this machine is at this moment: arithmetic on bytes,
 * look-ups in a map, small objects and copies. It must not change: stored ratios refer to it.
 */

const BYTES = new Uint8Array(16 * 1024).map((_, at) => at * 31);
const KEYS = Array.from({ length: 2000 }, (_, at) => `key-${at}`);
const PLACES = new Map(KEYS.map((key, at) => [key, at]));
/** Short enough that most samples end before the scheduler takes the core away. */
const SAMPLES = 41;

let sink = 0;

/** The median of some samples, in nanoseconds. */
export function calibrate(): number {
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const began = process.hrtime.bigint();
    sink ^= workOnce(sample);
    samples.push(Number(process.hrtime.bigint() - began));
  }
  if (sink === Number.MIN_VALUE) throw new Error('the work has no result');
  return samples.sort((one, other) => one - other)[SAMPLES >> 1] as number;
}

function workOnce(seed: number): number {
  let hash = seed;
  for (const byte of BYTES) hash = Math.imul(hash ^ byte, 0x01000193);
  for (const key of KEYS) hash ^= PLACES.get(key) ?? 0;
  const rows: { readonly version: number; readonly value: Uint8Array }[] = [];
  for (let at = 0; at < 200; at++) {
    rows.push({ version: at ^ hash, value: BYTES.slice(at, at + 256) });
  }
  for (const { version, value } of rows) hash ^= version + value.length;
  return hash;
}
