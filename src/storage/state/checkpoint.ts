/** Writes the overlays of all shards to disk as one batch, in slices. */

import { unreachable } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../../base/limits.ts';
import type { ShardState } from './shard-state.ts';
import type { SortedCursor } from './sorted-rows.ts';
import type { StateBatches } from './state-batch.ts';
import type { DiskBatch } from './state-disk.ts';
import type { Job, JobProgress } from './state-job.ts';
import type { ShardMeta } from './state-meta.ts';
import { TOMBSTONE } from './state-record.ts';

interface CheckpointOptions {
  readonly batches: StateBatches;
  /** Those that changed since they were written, in rising order. */
  readonly states: readonly ShardState[];
  /** What of a shard's log will survive a loss of power. */
  readonly durableIndex: (shard: ShardId) => number;
  readonly onProgress: () => void;
  readonly onDone: () => void;
}

const EVERYTHING = { from: undefined, to: undefined, isReverse: false };

type Phase =
  /** What is replaced on disk leaves the hash before it is replaced. */
  | { readonly type: 'settling' }
  | { readonly type: 'filling'; readonly cursors: SortedCursor[] }
  /** State that is ahead of the log after a crash would have no past. */
  | { readonly type: 'awaiting-log' }
  | { readonly type: 'writing' }
  | { readonly type: 'over' };

export class Checkpoint implements Job {
  readonly #options: CheckpointOptions;
  readonly #batch: DiskBatch;
  #phase: Phase = { type: 'settling' };

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#batch = options.batches.begin();
    for (const state of options.states) state.freeze();
  }

  step(): JobProgress {
    const phase = this.#phase;
    switch (phase.type) {
      case 'settling':
        return this.#settle();
      case 'filling':
        return this.#fill(phase.cursors);
      case 'awaiting-log':
        return this.#write();
      case 'writing':
        return 'later';
      case 'over':
        return 'over';
      default:
        return unreachable(phase);
    }
  }

  #settle(): JobProgress {
    for (const state of this.#options.states) {
      const overlay = state.frozen?.overlay;
      if (overlay?.hasUnsettled !== true) continue;
      state.settleSome(overlay, this.#options.onProgress);
      return 'later';
    }
    const cursors = this.#options.states.flatMap(({ frozen }) =>
      (frozen?.overlay.view() ?? []).flatMap((section) =>
        section === undefined ? [] : [section.cursor(EVERYTHING)],
      ),
    );
    this.#phase = { type: 'filling', cursors: cursors.reverse() };
    return 'again';
  }

  #fill(cursors: SortedCursor[]): JobProgress {
    const batch = this.#batch;
    let bytes = 0;
    for (let rows = 0; rows < STATE_LIMITS.sliceRows && bytes < STATE_LIMITS.sliceBytes; rows++) {
      let cursor = cursors.at(-1);
      while (cursor !== undefined && !cursor.next()) {
        cursors.pop();
        cursor = cursors.at(-1);
      }
      if (cursor === undefined) {
        this.#phase = { type: 'awaiting-log' };
        return 'again';
      }
      const { key, record } = cursor;
      if (record === TOMBSTONE) batch.delete(key);
      else batch.put(key, record);
      bytes += key.length + record.length;
    }
    return 'again';
  }

  #write(): JobProgress {
    const { batches, states, durableIndex, onProgress, onDone } = this.#options;
    const changes = new Map<ShardId, ShardMeta>();
    for (const state of states) {
      const recorded = state.recording();
      if (durableIndex(state.shard) < recorded.description.index) return 'later';
      const { generation } = state.place;
      const leftovers = leftoversOf(batches.records.get(state.shard), generation);
      changes.set(state.shard, { generation, leftovers, state: recorded });
    }
    this.#phase = { type: 'writing' };
    batches.write(this.#batch, changes, () => {
      this.#phase = { type: 'over' };
      for (const state of states) state.thaw();
      onDone();
      onProgress();
    });
    return 'later';
  }
}

/** A shard that left and came back has rows from before, though nobody wrote that it left. */
function leftoversOf(record: ShardMeta | undefined, generation: number): readonly number[] {
  if (record === undefined || record.generation === generation) return record?.leftovers ?? [];
  return [...new Set([...record.leftovers, record.generation])];
}
