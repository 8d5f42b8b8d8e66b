/**
 * Jobs that run at least once, by whichever worker is free. A worker has a job for two seconds, and
 * longer if it says so; a worker that crashes says nothing, and its job is taken again. A worker
 * without a job waits: it is woken by the push of one, or by the end of another worker's time.
 *
 *     make up && node build/examples/job-queue.js
 *
 * A `KvError` ends a worker here as a crash would, whatever its outcome. `unknown` on a take: the
 * job may be taken by a worker that does not know of it, so it waits until its time is over.
 * `unknown` on `done`: the job is done, but may run again. That is why jobs must be idempotent.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'ringkv';
import { queue } from 'ringkv/queue';

const PATIENCE = { wait: 4000 }; // In real life a worker waits without end.

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const jobs = queue<string>(kv, 'mail', { visibility: 2000 });

async function work(worker: string, { crashes = false } = {}): Promise<void> {
  for (let job = await jobs.take(); job !== undefined; job = await jobs.take(PATIENCE)) {
    console.log(`${worker} claims ${job.value}`);
    if (crashes) return console.log(`${worker} crashes`);
    await sleep(100); // The first half of the work.
    if (!(await job.extend())) continue; // Its time was over: another worker may have the job.
    await sleep(100); // The second half.
    if (await job.done()) console.log(`${worker} finishes ${job.value}`);
  }
}

for (const to of ['ada', 'grace', 'edsger', 'barbara', 'leslie']) await jobs.push(`mail ${to}`);
await work('worker 1', { crashes: true });
await Promise.all([work('worker 2'), work('worker 3')]);
console.log('the queue is empty');

await kv.close();
