/** What one run of a workload is ordered by, and measured by, on any system. */

import { readFileSync } from 'node:fs';
import type { InnerMeasures } from '../cluster/inner-measures.ts';
import { processorTimeOf } from '../cluster/three-nodes.ts';

/** The cluster, and the data in it before a run. */
export interface Shape {
  readonly nodes: number;
  readonly shards: number;
  /** Of 16 bytes each, on all systems. */
  readonly keys: number;
  readonly valueBytes: number;
  /** Clients over all client processes: each has connections of its own to every node. */
  readonly clients: number;
  /** Processes that the callers are spread over. */
  readonly processes: number;
}

export const USUAL_SHAPE: Shape = {
  nodes: 3,
  shards: 16,
  keys: 100_000,
  valueBytes: 256,
  clients: 1,
  processes: 1,
};

export interface Order {
  readonly workload: string;
  /** Calls at a time; in an open loop a bound on them. */
  readonly callers: number;
  readonly warmupSeconds: number;
  /** In the warm-up, which has to be many operations more than much time. Default: as later. */
  readonly warmupCallers?: number;
  readonly seconds: number;
  /** Of an open loop: operations a second that become due, whatever the answers do. */
  readonly rate?: number;
}

/** Milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  /** Undefined if the driver of a peer does not tell it. */
  readonly p999: number | undefined;
  readonly max: number;
}

/** What the callers saw. */
export interface Seen extends Quantiles {
  readonly operations: number;
  readonly seconds: number;
  readonly failed: number;
  /** Of an open loop: due, and not sent before its end. */
  readonly unsent: number;
}

/** What processes have spent so far. */
interface Spending {
  readonly nodesMilliseconds: number;
  readonly clientsMilliseconds: number;
  /** To the disks of this machine, by all of its processes: only one system runs at a time. */
  readonly bytesWritten: number;
}

/** What the processes spent during a run; undefined is what a system does not tell. */
interface Spent extends Spending {
  /** Calls that made written bytes durable. */
  readonly syncs: number | undefined;
  /** Appends to the logs of the nodes. */
  readonly appends: number | undefined;
  /** Of the nodes. */
  readonly inner: InnerMeasures | undefined;
  /** Resident memory of the largest node, at the end. */
  readonly memoryBytes: number;
}

export interface Measured extends Seen, Spent {
  /** All latencies, as `Latencies` encodes them. */
  readonly latencies?: string;
}

/** A system with its nodes running and its keys filled. */
export interface RunningSystem {
  run(order: Order): Promise<Measured>;
  end(): Promise<void>;
}

export interface System {
  readonly name: string;
  /** What an acknowledged write has survived, and what else a reader of the table should know. */
  readonly about: string;
  /** The workloads that it can run. */
  readonly workloads: ReadonlySet<string>;
  /** Whether operations can become due at a given rate. */
  readonly hasOpenLoop: boolean;
  start(shape: Shape, tell: (line: string) => void): Promise<RunningSystem>;
}

export interface Processes {
  readonly nodes: readonly number[];
  readonly clients: readonly number[];
}

export function spendingOf({ nodes, clients }: Processes): Spending {
  const sum = (pids: readonly number[], of: (pid: number) => number) =>
    pids.reduce((total, pid) => total + of(pid), 0);
  return {
    nodesMilliseconds: sum(nodes, processorTimeOf),
    clientsMilliseconds: sum(clients, processorTimeOf),
    bytesWritten: bytesWrittenIn(readFileSync('/proc/diskstats', 'utf8')),
  };
}

export function spentBetween(before: Spending, after: Spending): Spending {
  return {
    nodesMilliseconds: after.nodesMilliseconds - before.nodesMilliseconds,
    clientsMilliseconds: after.clientsMilliseconds - before.clientsMilliseconds,
    bytesWritten: after.bytesWritten - before.bytesWritten,
  };
}

/** Resident memory of the largest of these processes. */
export function memoryOf(pids: readonly number[]): number {
  return Math.max(0, ...pids.map((pid) => numberIn(pid, 'status', 'VmRSS') * 1024));
}

const SECTOR_BYTES = 512;
/** Whole disks, since their parts would count twice; those of memory and of other disks do too. */
const DISK = /^(?:[hsv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;

/**
 * By the devices' own counters. What `/proc/PID/io` counts is what a process made dirty, in the
 * units of the page cache: where these are large, a synced write of a page counts as a mebibyte.
 */
export function bytesWrittenIn(diskstats: string): number {
  return diskstats.split('\n').reduce((sum, line) => {
    const fields = line.trim().split(/\s+/);
    return DISK.test(fields[2] ?? '') ? sum + Number(fields[9]) * SECTOR_BYTES : sum;
  }, 0);
}

/** The number of a line of a file in /proc, in the unit of the file. */
function numberIn(pid: number, file: string, name: string): number {
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}
