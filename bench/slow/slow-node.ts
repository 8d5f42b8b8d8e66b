/** A node of the measured cluster whose disk takes as long for a sync as its parent says. */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

let delayMilliseconds = 0;
process.on('message', (milliseconds) => {
  delayMilliseconds = Number(milliseconds);
});

// Without its parent it ends.
process.once('disconnect', () => process.exit(0));

type Written = (error: NodeJS.ErrnoException | null, written: number) => void;
type Write = (
  handle: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  at: number,
  done: Written,
) => void;

/** Larger segments fill new files with zeros in the background, which is not what is measured. */
const BATCH_BYTES_MAX = 512 * 1024;

/** The log's files are opened so that a write is durable when it returns. */
const write = fs.write as unknown as Write;
const slowWrite: Write = (handle, bytes, from, length, at, done) => {
  const go = () => write(handle, bytes, from, length, at, done);
  if (delayMilliseconds === 0 || length > BATCH_BYTES_MAX) return go();
  setTimeout(go, delayMilliseconds);
};
fs.write = slowWrite as unknown as typeof fs.write;
syncBuiltinESMExports();

await import('../cluster/node.ts');
