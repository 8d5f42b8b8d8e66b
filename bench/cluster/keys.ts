/** The keys that benchmarks use, and how they draw them. */

import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';

/** Of 16 bytes. */
export function keyNumbered(number: number): string {
  return `key-${String(number).padStart(12, '0')}`;
}

/** That many keys, no two in one shard. */
export function keysApart(count: number, shards: number, draw: () => number): readonly string[] {
  return numbersApart(count, shards, draw).map(keyNumbered);
}

/** The numbers of such keys. */
export function numbersApart(count: number, shards: number, draw: () => number): readonly number[] {
  const numbers: number[] = [];
  const taken = new Set<number>();
  while (numbers.length < count) {
    const number = draw();
    const shard = arcOf(keyPosition(new TextEncoder().encode(keyNumbered(number))), shards);
    if (taken.has(shard)) continue;
    taken.add(shard);
    numbers.push(number);
  }
  return numbers;
}

/** Numbers below `count`, the first ones most often, as in YCSB. */
export function zipfian(
  count: number,
  skew: number,
  draw: () => number = Math.random,
): () => number {
  const weights = new Float64Array(count);
  let sum = 0;
  for (let at = 0; at < count; at++) {
    sum += 1 / (at + 1) ** skew;
    weights[at] = sum;
  }
  return () => {
    const point = draw() * sum;
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
