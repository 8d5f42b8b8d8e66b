/** Deletes the rows of an unused generation in slices. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { DiskRows, StateDisk } from './state-disk.ts';
import { type Job, type JobOptions, writeBatch } from './state-job.ts';
import type { Place } from './state-key.ts';
import type { ShardMeta } from './state-meta.ts';

interface GenerationClearingOptions extends JobOptions {
  readonly place: Place;
  readonly disk: StateDisk;
  /** Where the last job ended: reading over deleted rows would take longer and longer. */
  readonly from: Uint8Array | undefined;
  /** Receives the last deleted key; undefined if no row is left. */
  readonly onDone: (last: Uint8Array | undefined) => void;
  /** Unreadable rows cannot be listed. They remain until the store is reopened. */
  readonly onStuck: () => void;
}

const READ = { rowsMax: STATE_LIMITS.clearRows, bytesMax: STATE_LIMITS.installBatchBytes };

export function* clearGeneration(options: GenerationClearingOptions): Job {
  const { place, disk, from, batches, onProgress, onDone, onStuck } = options;
  const batch = batches.begin();
  const view = disk.view();
  const cursor = view.cursor(place.wholeRange(from));
  let read: DiskRows | undefined;
  cursor.next(READ, (rows) => {
    cursor.close();
    view.close();
    read = rows;
    if (rows === 'unreadable') onStuck();
    onProgress();
  });
  while (read === undefined) yield 'later';
  if (read === 'unreadable') return;
  const keys = read.map(([key]) => key);
  for (const [at, key] of keys.entries()) {
    if (at > 0 && at % STATE_LIMITS.sliceRows === 0) yield 'again';
    batch.delete(key);
  }
  const changes = new Map<ShardId, ShardMeta | undefined>();
  if (keys.length === 0) changes.set(place.shard, recordWithout(options));
  yield* writeBatch({ batches, batch, changes, onDone: () => onDone(keys.at(-1)), onProgress });
}

/** The generation number may be reused only after its last row is gone, which is now. */
function recordWithout({ place, batches }: GenerationClearingOptions): ShardMeta | undefined {
  const record = batches.records.get(place.shard);
  assert(record !== undefined, 'a shard with unused generations has a record');
  const leftovers = record.leftovers.filter((each) => each !== place.generation);
  if (record.state === undefined && leftovers.length === 0) return undefined;
  return { ...record, leftovers };
}
