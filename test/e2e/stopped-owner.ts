/**
 * A process that owns a lock and a key, for tests that stop it: urls, ttl, and the milliseconds
 * between its steps. Its first step after it was stopped tells what its signals, read before, say.
 */

import { connect } from '../../src/index.ts';

const GAP_MILLISECONDS = 1500;

const [urls = '', ttl = '2000', every = '20'] = process.argv.slice(2);

const kv = await connect(urls);
const lease = await kv.lease({ ttl: Number(ttl) });
await kv.set('instance', process.pid, { lease });
const lock = await kv.lock('job', { ttl: Number(ttl), wait: 60_000 });
const signals = [lock.signal, lease.signal];
let heard = 0;
for (const signal of signals) {
  signal.addEventListener('abort', () => {
    heard += 1;
  });
}
let steppedAt = Date.now();

function step(): void {
  const now = Date.now();
  if (now - steppedAt > GAP_MILLISECONDS) {
    const aborted = signals.map((signal) => signal.aborted);
    console.log(JSON.stringify({ aborted, heard, isOwned: lock.isOwned }));
    process.exit(0);
  }
  steppedAt = now;
  setTimeout(step, Number(every));
}

console.log('owned');
step();
