/** Deletes the rows of a generation that is nobody's state, some at a time. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../../base/limits.ts';
import type { StateBatches } from './state-batch.ts';
import type { DiskBatch, DiskRows, DiskView, StateDisk } from './state-disk.ts';
import type { Job, JobProgress } from './state-job.ts';
import type { Place } from './state-key.ts';
import type { ShardMeta } from './state-meta.ts';

interface GenerationClearingOptions {
  readonly place: Place;
  readonly disk: StateDisk;
  readonly batches: StateBatches;
  /** Where the last job ended: looking through what was just deleted would take ever longer. */
  readonly from: Uint8Array | undefined;
  readonly onProgress: () => void;
  /** The last key deleted; undefined if nothing is left. */
  readonly onDone: (last: Uint8Array | undefined) => void;
  /** What cannot be read cannot be listed. It stays until the store is opened again. */
  readonly onStuck: () => void;
}

export class GenerationClearing implements Job {
  readonly #options: GenerationClearingOptions;
  readonly #batch: DiskBatch;
  readonly #view: DiskView;
  #keys: Uint8Array[] | undefined;
  #isAtEnd = false;
  #filled = 0;
  #state: 'new' | 'waiting' | 'filling' | 'over' = 'new';

  constructor(options: GenerationClearingOptions) {
    this.#options = options;
    this.#batch = options.batches.begin();
    this.#view = options.disk.view();
  }

  step(): JobProgress {
    if (this.#state === 'over') return 'over';
    if (this.#state === 'new') this.#read();
    if (this.#state !== 'filling') return 'later';
    const keys = this.#keys ?? [];
    const end = Math.min(keys.length, this.#filled + STATE_LIMITS.sliceRows);
    for (; this.#filled < end; this.#filled++) this.#batch.delete(keys[this.#filled] as Uint8Array);
    if (this.#filled < keys.length) return 'again';
    this.#write(keys.at(-1));
    return 'later';
  }

  #read(): void {
    this.#state = 'waiting';
    const { place, from, onProgress, onStuck } = this.#options;
    const cursor = this.#view.cursor(place.wholeRange(from));
    const limits = { rowsMax: STATE_LIMITS.clearRows, bytesMax: STATE_LIMITS.installBatchBytes };
    cursor.next(limits, (rows: DiskRows) => {
      cursor.close();
      this.#view.close();
      if (rows === 'unreadable') {
        this.#state = 'over';
        onStuck();
      } else {
        this.#keys = rows.map(([key]) => key);
        this.#isAtEnd = rows.length === 0;
        this.#state = 'filling';
      }
      onProgress();
    });
  }

  #write(last: Uint8Array | undefined): void {
    const { place, batches, onProgress, onDone } = this.#options;
    const changes = new Map<ShardId, ShardMeta | undefined>();
    if (this.#isAtEnd) changes.set(place.shard, this.#recordWithout());
    this.#state = 'waiting';
    batches.write(this.#batch, changes, () => {
      this.#state = 'over';
      onDone(last);
      onProgress();
    });
  }

  /** The number may be used again only after its last row is gone, and that is now. */
  #recordWithout(): ShardMeta | undefined {
    const { place, batches } = this.#options;
    const record = batches.records.get(place.shard);
    assert(record !== undefined, 'a shard with leftovers has a record');
    const leftovers = record.leftovers.filter((each) => each !== place.generation);
    if (record.state === undefined && leftovers.length === 0) return undefined;
    return { ...record, leftovers };
  }
}
