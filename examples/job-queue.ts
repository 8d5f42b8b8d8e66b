/**
 * A job queue whose workers run each job at least once. A worker claims a job with a lease, renews
 * the lease while it works, and deletes the job when it is done. If the worker crashes, the lease
 * expires and another worker takes the job.
 *
 *     make up && node build/examples/job-queue.js
 *
 * A `KvError` ends a worker here as a crash would, whatever its outcome. `unknown` on a claim: the
 * lease may be held by a worker that does not know of it, so the job waits until it expires.
 * `unknown` on a finish: the job is done, but may run again. That is why jobs must be idempotent.
 * There is no watch yet, so a worker without a job polls.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Key } from 'ringkv';

const LEASE_MS = 2000;

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const jobs = kv.space<string>('job'); // [time, id]: what to do. The oldest comes first.
const leases = kv.space<string>('lease'); // The key of a job: the worker that has it.

/** The oldest job that is free. The version of its lease proves later that it is still held. */
async function claimJob(worker: string) {
  for await (const { key, value: text } of jobs.scan({ keys: 'tuple' })) {
    if ((await leases.get(key)) !== undefined) continue;
    const lease = await leases.set(key, worker, { ifVersion: 0, ttl: LEASE_MS });
    if (!lease.ok) continue; // Another worker was faster.
    // A job that was finished since the scan is gone; the lease on it expires by itself.
    if ((await jobs.get(key)) !== undefined) return { key, text, version: lease.version };
  }
  return undefined;
}

/** The check of the lease and both deletes happen at one moment, on whatever shards they lie. */
async function finishJob(key: Key, version: number): Promise<boolean> {
  return await kv.transaction(async (tx) => {
    if ((await tx.in(leases).get(key))?.version !== version) return false;
    tx.in(leases).delete(key);
    tx.in(jobs).delete(key);
    return true;
  });
}

async function work(worker: string, { crashes = false } = {}): Promise<void> {
  for (;;) {
    const job = await claimJob(worker);
    if (job === undefined) {
      if ((await jobs.count()) === 0) return; // In real life a worker goes on polling.
      await sleep(200);
      continue;
    }
    const { key, text, version } = job;
    console.log(`${worker} claims ${text}`);
    if (crashes) return console.log(`${worker} crashes`);
    await sleep(100); // The first half of the work.
    const renewed = await leases.set(key, worker, { ifVersion: version, ttl: LEASE_MS });
    if (!renewed.ok) continue; // The lease has expired, and another worker may have the job.
    await sleep(100); // The second half.
    if (await finishJob(key, renewed.version)) console.log(`${worker} finishes ${text}`);
  }
}

for (const text of ['mail ada', 'mail grace', 'mail edsger', 'mail barbara', 'mail leslie']) {
  await jobs.set([Date.now(), randomUUID()], text);
}
await work('worker 1', { crashes: true });
await Promise.all([work('worker 2'), work('worker 3')]);
console.log('the queue is empty');

await kv.close();
