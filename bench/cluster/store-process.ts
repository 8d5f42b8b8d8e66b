/**
 * An embedded store of its own process, for `sealed-store.ts`: a message with a number asks for so
 * many puts, and is answered by what one costs, checkpoints included; 0 ends the process.
 *
 *     node store-process.js CHECKOUT FOLDER [VARIABLE OF THE KEY]
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const KEYS = 20_000;
const CALLERS = 256;
/** Checkpoints of what was written are over by then. */
const SETTLE_MILLISECONDS = 2500;
/** Of a put: three stores share a busy machine. */
const TIMEOUT = 60_000;

const [checkout = '.', folder = '', keyEnv] = process.argv.slice(2);
const index = pathToFileURL(join(checkout, 'build', 'src', 'index.js')).href;
const { open, bytes }: typeof import('../../src/index.ts') = await import(index);
const encryption = keyEnv === undefined ? {} : { encryption: { keyEnv } };
const kv = await open(folder, { codec: bytes, ...encryption });
process.on('message', (puts: number) => {
  const answer = puts === 0 ? kv.close().then(() => 0) : costOf(puts);
  answer.then((cost) => {
    process.send?.(cost, () => {
      if (puts === 0) process.disconnect();
    });
  }, fail);
});
process.send?.(0);

/** Microseconds of processor time a put, of all threads. */
async function costOf(puts: number): Promise<number> {
  const value = randomBytes(256);
  const before = process.cpuUsage();
  let left = puts;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        left -= 1;
        const key = Math.floor(Math.random() * KEYS);
        await kv.set(`key-${String(key).padStart(12, '0')}`, value, { timeout: TIMEOUT });
      }
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MILLISECONDS));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / puts;
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
