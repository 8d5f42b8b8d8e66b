/** Callers that call again as soon as they are answered, as a task of tinybench. */

import { Bench } from 'tinybench';
import { Latencies } from './latencies.ts';

export interface Loop {
  readonly name: string;
  readonly callers: number;
  readonly seconds: number;
  readonly work: () => Promise<unknown>;
}

export interface LoopOutcome {
  readonly operations: number;
  readonly seconds: number;
  readonly failed: number;
  readonly unsent: number;
  readonly latencies: Latencies;
}

/** Rejects if an operation fails. */
export async function runClosedLoop(loop: Loop): Promise<LoopOutcome> {
  const { name, callers, seconds, work } = loop;
  const bench = new Bench({
    // Iterations of the one task run in parallel, so many at a time.
    ...({ concurrency: 'task', threshold: callers } as const),
    ...{ time: seconds * 1000, iterations: 0, warmup: false, throws: true },
  });
  const latencies = new Latencies();
  bench.add(name, async () => {
    const began = performance.now();
    await work();
    latencies.record(performance.now() - began);
  });
  const began = performance.now();
  try {
    await bench.run();
  } catch (error) {
    // tinybench gathers those of all callers: the first one says what happened.
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
  if (bench.getTask(name)?.result.state !== 'completed') {
    throw new Error(`the workload ${name} did not complete`);
  }
  const took = (performance.now() - began) / 1000;
  return { operations: latencies.count, seconds: took, failed: 0, unsent: 0, latencies };
}
