/** Writes the memtables of all shards to disk as one batch, in slices. */

import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { ShardState } from './shard-state.ts';
import type { SortedCursor } from './sorted-rows.ts';
import type { DiskBatch } from './state-disk.ts';
import { type Job, type JobOptions, writeBatch } from './state-job.ts';
import type { ShardMeta } from './state-meta.ts';
import { TOMBSTONE } from './state-record.ts';

interface CheckpointOptions extends JobOptions {
  /** The shards that changed since their last checkpoint, in rising order. */
  readonly states: readonly ShardState[];
  /** The index up to which a shard's log is durable. */
  readonly durableIndex: (shard: ShardId) => number;
  readonly onDone: () => void;
}

/** The rows of one section of a frozen memtable. */
interface FrozenSection {
  readonly state: ShardState;
  readonly cursor: SortedCursor;
}

const EVERYTHING = { from: undefined, to: undefined, isReverse: false };

export function* checkpoint(options: CheckpointOptions): Job {
  const { batches, states, onProgress, onDone } = options;
  const batch = batches.begin();
  for (const state of states) state.freeze();
  // A row that is replaced on disk is subtracted from the hash before it is replaced.
  for (const state of states) {
    const memtable = state.frozen?.memtable;
    while (memtable?.hasUnsettled === true) {
      state.settleSome(memtable, onProgress);
      yield 'later';
    }
  }
  const sections = states.flatMap(sectionsOf);
  yield 'again';
  yield* fill(batch, sections);
  yield 'again';
  // A state ahead of the log after a crash would have no entries to follow.
  let changes = recordChanges(options);
  for (; changes === undefined; changes = recordChanges(options)) yield 'later';
  const onDurable = () => {
    for (const state of states) state.thaw();
    onDone();
  };
  yield* writeBatch({ batches, batch, changes, onDone: onDurable, onProgress });
}

function sectionsOf(state: ShardState): readonly FrozenSection[] {
  const sections = state.frozen?.memtable.view() ?? [];
  return sections.flatMap((rows) =>
    rows === undefined ? [] : [{ state, cursor: rows.cursor(EVERYTHING) }],
  );
}

/** A slice is bounded however many shards there are. */
function* fill(batch: DiskBatch, sections: readonly FrozenSection[]): Job {
  let [rows, bytes] = [0, 0];
  for (const { state, cursor } of sections) {
    while (cursor.next()) {
      const { key, record } = cursor;
      if (record === TOMBSTONE) batch.delete(key);
      else {
        state.checkUnsealed(key, record);
        batch.put(key, record);
      }
      rows += 1;
      bytes += key.length + record.length;
      if (rows < STATE_LIMITS.sliceRows && bytes < STATE_LIMITS.sliceBytes) continue;
      yield 'again';
      [rows, bytes] = [0, 0];
    }
  }
}

/** Undefined until every shard's log is durable up to the checkpoint. */
function recordChanges({ batches, states, durableIndex }: CheckpointOptions) {
  const changes = new Map<ShardId, ShardMeta>();
  for (const state of states) {
    const recorded = state.recording();
    if (durableIndex(state.shard) < recorded.description.index) return undefined;
    const { generation } = state.place;
    const leftovers = leftoversOf(batches.records.get(state.shard), generation);
    changes.set(state.shard, { generation, leftovers, state: recorded });
  }
  return changes;
}

/**
 * A shard that was removed and created again may have rows of its former generation, although its
 * removal was not written.
 */
function leftoversOf(record: ShardMeta | undefined, generation: number): readonly number[] {
  if (record === undefined || record.generation === generation) return record?.leftovers ?? [];
  return [...new Set([...record.leftovers, record.generation])];
}
