/** One point of a curve: a cluster of one shape under one workload. */

import { pause } from '../cluster/three-nodes.ts';
import { type Measured, type Shape, USUAL_SHAPE } from '../load/measurement.ts';
import { type RunningRingkv, startRingkv } from '../load/ringkv.ts';

export interface Pace {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly callers: number;
  /** Before idle nodes are measured: what is left of founding and filling ends. */
  readonly settleSeconds: number;
  readonly tell: (line: string) => void;
}

export async function withCluster<T>(
  shape: Partial<Shape>,
  { tell }: Pace,
  use: (running: RunningRingkv, shape: Shape) => Promise<T>,
): Promise<T> {
  const whole = { ...USUAL_SHAPE, ...shape };
  const running = await startRingkv(whole, tell);
  try {
    return await use(running, whole);
  } finally {
    await running.end();
  }
}

export function put(running: RunningRingkv, pace: Pace): Promise<Measured> {
  const { seconds, warmupSeconds, callers } = pace;
  return running.run({ workload: 'put', callers, seconds, warmupSeconds });
}

export interface Load {
  readonly rate: number;
  readonly p99: number;
  /** Microseconds an operation, of all processes and of the nodes alone. */
  readonly processor: number;
  readonly nodesProcessor: number;
}

export function loadOf(measured: Measured): Load {
  const { operations, seconds, nodesMilliseconds: nodes, clientsMilliseconds: clients } = measured;
  const each = (milliseconds: number) => (milliseconds * 1000) / Math.max(operations, 1);
  return {
    rate: operations / seconds,
    p99: measured.p99,
    processor: each(nodes + clients),
    nodesProcessor: each(nodes),
  };
}

/** Of a core, by the busiest node, while no client asks anything. */
export async function idlePercent(running: RunningRingkv, pace: Pace): Promise<number> {
  pace.tell('idle');
  await pause(pace.settleSeconds * 1000);
  const before = running.nodes.processorTimes();
  await pause(pace.seconds * 1000);
  const shares = running.nodes
    .processorTimes()
    .map((time, at) => (time - (before[at] ?? 0)) / (pace.seconds * 10));
  return Math.max(...shares);
}
