/** Work on the disk that is done in slices, one job at a time. */

/**
 * - `again`: a slice was done, there is more at once;
 * - `later`: waits for the disk or for the log;
 * - `over`: done.
 */
export type JobProgress = 'again' | 'later' | 'over';

export interface Job {
  step(): JobProgress;
}
