/** How fast a key of a usual length is hashed. */

import { hash } from '../../src/base/hash.ts';
import { Random } from '../../src/base/random.ts';
import { type BenchRow, measure } from './report.ts';

const KEYS = 512;

export async function run(): Promise<BenchRow[]> {
  const random = new Random(1);
  return measure(
    [8, 16, 32, 64, 1024].map((length) => {
      const keys = Array.from({ length: KEYS }, () =>
        Uint8Array.from({ length }, () => random.below(256)),
      );
      const work = () => {
        let sum = 0;
        for (const key of keys) sum ^= hash(key);
        return sum;
      };
      return { name: `hash of ${length} bytes`, operations: KEYS, work };
    }),
  );
}
