/**
 * A cron job that runs on exactly one of many machines. The machines elect a leader, and if it
 * dies, the next one goes on when its time to live is over. A leader that was stopped for a while
 * may not know yet that another one leads: its writes carry a fence, and are refused.
 *
 *     make up && node build/examples/cron.js
 *
 * If a tick fails with the outcome `unknown`, it may be counted or not, and the machine stops, as
 * it does when it is `fenced`. In real life it would then stand for election again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'ringkv';

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');

/** Runs the job so many times while this machine leads. */
async function run(machine: string, times: number): Promise<void> {
  const election = kv.elect('cron', { value: machine, ttl: 3000 });
  const { signal, fence } = await election.lead();
  console.log(`${(await kv.get('cron'))?.value} leads`);
  for (let left = times; left > 0 && !signal.aborted; left--) {
    console.log(`${machine} runs tick ${await kv.add('cron:ticks', 1, { fence })}`);
    await sleep(200);
  }
  await election.resign();
}

await Promise.all([run('machine 1', 3), run('machine 2', 3)]);
console.log(`${(await kv.get('cron'))?.value ?? 'no machine'} leads`);
await kv.close();
