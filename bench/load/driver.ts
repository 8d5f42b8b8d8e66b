/**
 * The process that puts load on ringkv. It takes orders from its parent and answers each with
 * `begin`, when the warm-up is over, and with what its callers have seen.
 */

import { Bench } from 'tinybench';
import { bytes, type Client, connect } from '../../src/index.ts';
import type { Order, Seen } from './measurement.ts';
import { fill, WORKLOADS } from './workloads.ts';

const kv = (await connect(process.argv.slice(2), { codec: bytes })) as Client;
await fill(kv);
tell('ready');
process.on('message', (order: Order) => void follow(order));
process.once('disconnect', () => process.exit(0));

/** A failure ends the process, and so the benchmark. */
async function follow({ workload, callers, warmupSeconds, seconds }: Order): Promise<void> {
  const { prepare, work, verify } = WORKLOADS[workload] ?? {};
  if (work === undefined) throw new Error(`there is no workload ${workload}`);
  await prepare?.(kv);
  const warm = await runFor(warmupSeconds, callers, () => work(kv));
  tell('begin');
  const seen = await runFor(seconds, callers, () => work(kv));
  tell(seen);
  await verify?.(kv, warm.operations + seen.operations);
  tell('verified');
}

/** One task of tinybench, whose iterations the callers run in parallel. */
async function runFor(seconds: number, callers: number, work: () => Promise<unknown>) {
  const bench = new Bench({
    ...({ concurrency: 'task', threshold: callers, throws: true } as const),
    ...{ time: seconds * 1000, iterations: 0, warmup: false },
  });
  bench.add('work', async () => void (await work()));
  const began = performance.now();
  await bench.run();
  const result = bench.getTask('work')?.result;
  if (result?.state !== 'completed') throw new Error('the workload did not complete');
  const { p50, p99, p999, max, samplesCount: operations } = result.latency;
  const took = (performance.now() - began) / 1000;
  return { operations, seconds: took, p50, p99, p999, max, failed: 0 } satisfies Seen;
}

function tell(message: Seen | 'ready' | 'begin' | 'verified'): void {
  process.send?.(message);
}
