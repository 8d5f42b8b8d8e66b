/**
 * A client process: some workers, each of which has one call open at a time, through the public
 * client. Its instructions are one argument in JSON. The end of its input ends it: open calls are
 * awaited, so the history is complete then.
 */

import { Random } from '../../../src/base/random.ts';
import { type Client, connect } from '../../../src/index.ts';
import { HistoryWriter } from './history.ts';
import { Worker } from './worker.ts';
import { pickWorkload } from './workloads/all.ts';

export interface ClientInstructions {
  readonly urls: readonly string[];
  readonly history: string;
  readonly seed: number;
  /** The first worker's number, and how many there are. */
  readonly first: number;
  readonly workers: number;
  /** Pause between two steps, drawn up to here. */
  readonly restMilliseconds: number;
}

const TIMEOUT_MILLISECONDS = 5000;

async function connected(urls: readonly string[]): Promise<Client> {
  for (;;) {
    try {
      return await connect(urls, { timeout: TIMEOUT_MILLISECONDS });
    } catch (error) {
      if (isOver) throw error;
    }
  }
}

const instructions = JSON.parse(process.argv[2] ?? '{}') as ClientInstructions;
const { urls, seed, first, workers, restMilliseconds } = instructions;
let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();
// The harness decides when this ends, not the key that interrupts the harness.
process.on('SIGINT', () => {});

const kv = await connected(urls);
const history = new HistoryWriter(instructions.history);
console.log('connected');

async function work(number: number): Promise<void> {
  const random = new Random(seed).fork(`worker ${number}`);
  const worker = new Worker({ kv, number, random, history, isOver: () => isOver });
  while (!isOver) {
    await pickWorkload(random).step(worker);
    await worker.pause(random.below(restMilliseconds));
  }
}

await Promise.all(Array.from({ length: workers }, (_, at) => work(first + at)));
await history.close();
await kv.close();
process.stdin.destroy();
