/** The keys that benchmarks use, and how they draw them. */

import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';

/** Of 16 bytes. */
export function keyNumbered(number: number): string {
  return `key-${String(number).padStart(12, '0')}`;
}

/** That many keys, no two in one shard. */
export function keysApart(count: number, shards: number, draw: () => number): readonly string[] {
  const keys: string[] = [];
  const taken = new Set<number>();
  while (keys.length < count) {
    const key = keyNumbered(draw());
    const shard = arcOf(keyPosition(new TextEncoder().encode(key)), shards);
    if (taken.has(shard)) continue;
    taken.add(shard);
    keys.push(key);
  }
  return keys;
}

/** Numbers below `count`, the first ones most often, as in YCSB. */
export function zipfian(count: number, skew: number): () => number {
  const weights = new Float64Array(count);
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += 1 / (at + 1) ** skew;
    weights[at] = sum;
  }
  return () => {
    const point = Math.random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((weights[middle] ?? 0) < point) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
