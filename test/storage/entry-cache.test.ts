/** The cache of entries keeps no more memory than it counts. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { EntryCache } from '../../src/storage/log/entry-cache.ts';
import { heldBy } from '../support/held-memory.ts';

const PAYLOAD_BYTES = 64 * 1024;
const BYTES_MAX = 1024 * 1024;
const SHARDS = [1, 2] as const;
const ENTRIES = 900;

function append(cache: EntryCache, shard: number, index: number): void {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  cache.append(shard as ShardId, [{ kind: 'command', index, term: 1, payload }]);
}

test('large entries that were dropped are not kept, by bytes or as applied', () => {
  const cache = new EntryCache(BYTES_MAX);
  const held = heldBy(() => {
    for (let index = 1; index <= ENTRIES; index++) {
      for (const shard of SHARDS) append(cache, shard, index);
      cache.settle();
      if (index % 2 === 0) cache.forget(1 as ShardId, index - 1);
    }
  });
  ok(cache.bytes <= BYTES_MAX, `${cache.bytes} bytes are counted`);
  ok(held < 4 * BYTES_MAX, `${held} bytes are kept`);
  const [last] = cache.read(2 as ShardId, { from: ENTRIES, to: ENTRIES, bytesMax: 1 }) ?? [];
  equal(last?.index, ENTRIES);
});
