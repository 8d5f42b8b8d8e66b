/** What one run of a workload is measured by, on any system. */

import { readFileSync } from 'node:fs';
import { processorTimeOf } from '../cluster/three-nodes.ts';

export interface Order {
  readonly workload: string;
  readonly callers: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
}

/** What the callers saw. */
export interface Seen {
  readonly operations: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly failed: number;
}

/** What the processes spent meanwhile. */
export interface Spent {
  /** User and system time of all processes, the driver of the load too. */
  readonly processorMilliseconds: number;
  /** That the nodes gave to their disks. */
  readonly bytesWritten: number;
  /** Synced appends of the nodes' logs; undefined where the system does not tell. */
  readonly appends: number | undefined;
}

export interface Measured extends Seen, Spent {}

/** A system with its nodes running and its keys filled. */
export interface RunningSystem {
  run(order: Order): Promise<Measured>;
  end(): Promise<void>;
}

export interface System {
  readonly name: string;
  /** What an acknowledged write has survived. */
  readonly durability: string;
  /** The workloads that it can run. */
  readonly workloads: ReadonlySet<string>;
  start(): Promise<RunningSystem>;
}

/** Keys have 16 bytes, on all systems. */
export const KEYS = 100_000;
export const VALUE_BYTES = 256;
export const SHARDS = 16;

/** Processor time and bytes written by processes so far. */
export function spentBy(nodes: readonly number[], drivers: readonly number[]) {
  const processes = [...nodes, ...drivers];
  return {
    processorMilliseconds: processes.reduce((sum, pid) => sum + processorTimeOf(pid), 0),
    bytesWritten: nodes.reduce((sum, pid) => sum + bytesWrittenBy(pid), 0),
  };
}

function bytesWrittenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}
