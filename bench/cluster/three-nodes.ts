/** Three nodes as processes of this machine, in a temporary folder. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NODE = fileURLToPath(new URL('./node.js', import.meta.url));
const READY_MILLISECONDS = 120_000;

export interface ThreeNodes {
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  /** Processor time of each so far, in milliseconds. */
  processorTimes(): readonly number[];
  end(): Promise<void>;
}

/** Resolves when every shard has three replicas and leaders are spread. */
export async function startThreeNodes(shards: number): Promise<ThreeNodes> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-bench-'));
  const children: ChildProcess[] = [];
  const urls: string[] = [];
  for (let number = 1; number <= 3; number++) {
    const how = number === 1 ? [`${shards}`] : ['0', urls[0] ?? ''];
    const child = spawn(process.execPath, [NODE, join(folder, `n${number}`), '0', ...how]);
    children.push(child);
    urls.push(await firstLine(child));
  }
  const until = performance.now() + READY_MILLISECONDS;
  while (!(await areSpread(urls, shards)) && performance.now() < until) await pause(200);
  return {
    urls,
    pids: children.map(({ pid }) => pid ?? 0),
    processorTimes: () => children.map(({ pid }) => processorTimeOf(pid ?? 0)),
    end: async () => {
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(children.map((child) => new Promise((end) => child.once('exit', end))));
      rmSync(folder, { recursive: true });
    },
  };
}

export async function areSpread(urls: readonly string[], shards: number): Promise<boolean> {
  const told = await Promise.all(
    urls.map(async (url) => (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text()),
  );
  const figure = (text: string, name: string) =>
    Number(new RegExp(`^ringkv_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const leaders = told.map((text) => figure(text, 'leaders'));
  const isFull = told.every((text) => figure(text, 'replicas') === shards + 1);
  return isFull && Math.max(...leaders) - Math.min(...leaders) <= 2;
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
