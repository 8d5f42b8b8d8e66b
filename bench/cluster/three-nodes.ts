/** Nodes as processes of this machine, in a temporary folder. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChild, removeFolder, startChild, temporaryFolder } from '../peers/children.ts';
import { combined, type InnerMeasures, type MeasureOrder } from './inner-measures.ts';

export const NODE = fileURLToPath(new URL('./node.js', import.meta.url));
const READY_MILLISECONDS = 120_000;
const REPLICAS = 3;

interface NodesOptions {
  readonly shards: number;
  readonly nodes: number;
  /** They count what their event loops, collectors and sockets do, when they are asked to. */
  readonly areMetered?: boolean;
}

export interface ThreeNodes {
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  /** Processor time of each so far, in milliseconds. */
  processorTimes(): readonly number[];
  end(): Promise<void>;
}

export interface Nodes extends ThreeNodes {
  beginMeasures(): void;
  endMeasures(): Promise<InnerMeasures>;
  /** Stops the last node and starts it again in its folder; resolves when it serves. */
  restartLast(): Promise<void>;
}

/** Resolves when every shard has three replicas and leaders are where they should be. */
export function startThreeNodes(shards: number): Promise<ThreeNodes> {
  return startNodes({ shards, nodes: 3 });
}

/** Resolves when every shard has its replicas and leaders are where they should be. */
export async function startNodes({ shards, nodes, areMetered }: NodesOptions): Promise<Nodes> {
  const folder = temporaryFolder('bench');
  const replicas = Math.min(nodes, REPLICAS);
  const children: ChildProcess[] = [];
  const urls: string[] = [];
  const startOne = async (at: number, how: readonly string[], port = '0') => {
    const stdio = ['pipe', 'pipe', 'inherit', areMetered === true ? 'ipc' : 'ignore'] as const;
    const words = [NODE, join(folder, `n${at}`), port, ...how, '', `${replicas}`];
    const child = startChild(process.execPath, words, { stdio: [...stdio] });
    children[at] = child;
    urls[at] = await firstLine(child);
  };
  for (let at = 0; at < nodes; at++) {
    await startOne(at, at === 0 ? [`${shards}`, ''] : ['0', urls[0] ?? '']);
  }
  const until = performance.now() + READY_MILLISECONDS;
  const shape = { shards, replicas };
  while (!(await areSettled(urls, shape)) && performance.now() < until) await pause(200);
  const send = (order: MeasureOrder) => {
    for (const child of children) child.send?.(order);
  };
  return {
    urls,
    get pids() {
      return children.map(({ pid }) => pid ?? 0);
    },
    processorTimes: () => children.map(({ pid }) => processorTimeOf(pid ?? 0)),
    beginMeasures: () => send('begin-measures'),
    endMeasures: async () => {
      const answers = children.map(async (child) => (await once(child, 'message'))[0]);
      send('end-measures');
      return combined((await Promise.all(answers)) as InnerMeasures[]);
    },
    restartLast: async () => {
      const last = nodes - 1;
      await endChild(children[last] as ChildProcess);
      const { port } = new URL(urls[last] ?? '');
      await startOne(last, ['0', urls[0] ?? ''], port);
    },
    end: async () => {
      await Promise.all(children.map(endChild));
      removeFolder(folder);
    },
  };
}

interface Shape {
  readonly shards: number;
  readonly replicas: number;
}

/**
 * Every shard, and the catalog, has its replicas. Each node has one of each if they are three, and
 * one of them leads all shards unless `RINGKV_LEADERS` is `spread`.
 */
export async function areSettled(
  urls: readonly string[],
  { shards, replicas }: Shape,
): Promise<boolean> {
  const told = await Promise.all(urls.map(metricsOf));
  const leaders = told.map((text) => figureIn(text, 'leaders'));
  const counts = told.map((text) => figureIn(text, 'replicas'));
  const isFull =
    urls.length === REPLICAS
      ? counts.every((count) => count === shards + 1)
      : counts.reduce((sum, count) => sum + count, 0) >= shards * replicas + 1;
  if (!isFull) return false;
  const most = Math.max(...leaders);
  if (process.env.RINGKV_LEADERS !== 'spread') return urls.length !== REPLICAS || most >= shards;
  return most - Math.min(...leaders) <= Math.max(2, shards / 16);
}

/** Of a node, in the text format of Prometheus. */
export async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text();
}

export function figureIn(metrics: string, name: string): number {
  return Number(new RegExp(`^ringkv_${name} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
}

export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (text) => resolve(String(text).trim()));
    child.once('exit', () => reject(new Error('a node ended before it was up')));
  });
}

/** User and system time, in units of ten milliseconds. */
export function processorTimeOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
