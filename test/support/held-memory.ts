/** What stays in use after a garbage collection. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of the heap and of buffers that were added by the work and are still in use. */
export function heldBy(work: () => void): number {
  const before = inUse();
  work();
  return inUse() - before;
}

function inUse(): number {
  // A collection leaves buffers to a sweeper on another thread, and the next one waits for it.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
