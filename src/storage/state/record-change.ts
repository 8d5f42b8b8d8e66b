/** Writes the record of one shard and nothing else. */

import type { ShardId } from '../../base/ids.ts';
import type { StateBatches } from './state-batch.ts';
import type { Job, JobProgress } from './state-job.ts';
import type { ShardMeta } from './state-meta.ts';

interface RecordChangeOptions {
  readonly shard: ShardId;
  readonly record: ShardMeta;
  readonly batches: StateBatches;
  readonly onProgress: () => void;
}

export class RecordChange implements Job {
  readonly #options: RecordChangeOptions;
  #state: 'new' | 'writing' | 'over' = 'new';

  constructor(options: RecordChangeOptions) {
    this.#options = options;
  }

  step(): JobProgress {
    if (this.#state !== 'new') return this.#state === 'over' ? 'over' : 'later';
    const { shard, record, batches, onProgress } = this.#options;
    this.#state = 'writing';
    batches.write(batches.begin(), new Map([[shard, record]]), () => {
      this.#state = 'over';
      onProgress();
    });
    return 'later';
  }
}
