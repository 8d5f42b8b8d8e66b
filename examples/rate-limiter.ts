/**
 * A rate limiter that all servers share: so many requests a client in each window of time. `add`
 * counts each call exactly once, also when the library has to send it again, and never conflicts.
 *
 *     make up && node build/examples/rate-limiter.js
 *
 * If the store does not answer in time, this limiter lets the request pass: a `KvError` must not
 * take the service down. With the outcome `unknown` the request may have been counted or not, and
 * nothing depends on which. Where a limit protects money, refuse instead.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, KvError } from 'ringkv';

const REQUESTS_MAX = 5;
const WINDOW_MS = 2000;
const TIMEOUT_MS = 2000; // The longest that a request waits for its limiter.

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const counters = kv.space<number>('requests');

async function isAllowed(client: string): Promise<boolean> {
  // Each window has a counter of its own. Servers agree on windows as far as their clocks agree.
  const key = [client, Math.floor(Date.now() / WINDOW_MS)];
  const timeout = TIMEOUT_MS;
  try {
    // The time to live begins with the first request of the window, and later ones leave it.
    return (await counters.add(key, 1, { ttl: 2 * WINDOW_MS, timeout })) <= REQUESTS_MAX;
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    console.error(`not limited: ${error.message}`);
    return true;
  }
}

async function burst(client: string, requests: number): Promise<string> {
  const answers = await Promise.all(Array.from({ length: requests }, () => isAllowed(client)));
  return `${client}: ${answers.filter(Boolean).length} of ${requests} requests allowed`;
}

for (let window = 1; window <= 2; window++) {
  await sleep(WINDOW_MS - (Date.now() % WINDOW_MS)); // A window begins.
  const lines = await Promise.all([burst('ada', 20), burst('grace', 3)]);
  console.log(`window ${window}: ${lines.join(', ')}`);
}

await kv.close();
