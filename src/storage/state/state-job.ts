/** Work on the disk that is done in slices, one job at a time. */

import type { RecordChanges, StateBatches } from './state-batch.ts';
import type { DiskBatch } from './state-disk.ts';

/**
 * Each step does one slice and yields:
 * - `again`: the next slice can be done immediately;
 * - `later`: the job waits for the disk or for the log; calling it earlier has no effect.
 */
export type Job = Generator<'again' | 'later', void>;

export interface JobOptions {
  readonly batches: StateBatches;
  readonly onProgress: () => void;
}

interface BatchWrite extends JobOptions {
  readonly batch?: DiskBatch;
  readonly changes: RecordChanges;
  /** Called when the batch is durable, before `onProgress`. */
  readonly onDone?: () => void;
}

/** Writes a batch and waits until it is durable. Every job ends with it. */
export function* writeBatch({ batches, batch, changes, onDone, onProgress }: BatchWrite): Job {
  let isDurable = false;
  batches.write(batch ?? batches.begin(), changes, () => {
    isDurable = true;
    onDone?.();
    onProgress();
  });
  while (!isDurable) yield 'later';
}
