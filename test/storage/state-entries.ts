/** The writes of each numbered entry of a shard, the same in every process. */

import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { StateWrite } from '../../src/storage/state/state.ts';

export const SHARDS = [1, 2, 3] as ShardId[];

const KEYS = 400;

/** Two puts or deletes of few keys, and one row that counts. */
export function entryWrites(shard: ShardId, index: number): StateWrite[] {
  const random = new Random(shard * 1_000_003 + index);
  const write = (): StateWrite => {
    const key = Uint8Array.of(shard, random.below(KEYS) >> 8, random.below(KEYS) & 0xff);
    const value = new Uint8Array(random.below(200)).fill(index);
    return { section: random.below(2), key, value: random.chance(0.3) ? undefined : value };
  };
  const count = Uint8Array.of(index, index >> 8, index >> 16);
  return [write(), write(), { section: 2, key: Uint8Array.of(0), value: count }];
}
