/**
 * A rate limiter that all servers share: so many requests a client in each window of time. `add`
 * counts each call exactly once, also when the library has to send it again, and never conflicts.
 * The first request of a client begins a window, and its time to live ends it: no server has to
 * look at a clock.
 *
 *     make up && node build/examples/rate-limiter.js
 *
 * If the store does not answer in time, this limiter lets the request pass: a `KvError` must not
 * take the service down. With the outcome `unknown` the request may have been counted or not, and
 * nothing depends on which. Where a limit protects money, refuse instead.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'ringkv';

const [REQUESTS_MAX, WINDOW_MS, TIMEOUT_MS] = [5, 2000, 2000];

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const counters = kv.space('requests');

async function isAllowed(client: string): Promise<boolean> {
  const adding = counters.add(client, 1, { ttl: WINDOW_MS, timeout: TIMEOUT_MS });
  const count = await adding.catch(({ message }) => console.error(`not limited: ${message}`));
  return (count ?? 0n) <= REQUESTS_MAX;
}

async function burst(client: string, requests: number): Promise<string> {
  const answers = await Promise.all(Array.from({ length: requests }, () => isAllowed(client)));
  return `${client}: ${answers.filter(Boolean).length} of ${requests} requests allowed`;
}

for (const window of [1, 2]) {
  console.log(`window ${window}: ${await burst('ada', 20)}, ${await burst('grace', 3)}`);
  while (!(await counters.isEmpty())) await sleep(100); // Until both windows have ended.
}
await kv.close();
