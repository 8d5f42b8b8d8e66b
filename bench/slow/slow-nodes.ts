/** Three nodes with slow disks and slow links, and a count of the leaders that took office. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { areSettled, firstLine, pause } from '../cluster/three-nodes.ts';
import { SlowLink } from './slow-link.ts';

const PROGRAM = fileURLToPath(new URL('./slow-node.js', import.meta.url));
const READY_MILLISECONDS = 120_000;
const NODES = 3;

interface Changes {
  readonly elections: number;
  readonly handovers: number;
}

export interface SlowNodes {
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  /** The extra time of every sync from now on. */
  delay(milliseconds: number): void;
  /** The extra time of every path from one node to another. */
  delayLinks(milliseconds: number): void;
  changes(): Changes;
  end(): Promise<void>;
}

export async function startSlowNodes(shards: number): Promise<SlowNodes> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-slow-'));
  const children: ChildProcess[] = [];
  const urls: string[] = [];
  const links: SlowLink[] = [];
  let leaders = 0;
  let handovers = 0;
  for (let number = 1; number <= NODES; number++) {
    const how = number === 1 ? [`${shards}`, ''] : ['0', urls[0] ?? ''];
    const link = await SlowLink.open();
    links.push(link);
    const child = spawn(
      process.execPath,
      [PROGRAM, join(folder, `n${number}`), '0', ...how, link.url],
      {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: { ...process.env, RINGKV_BENCH_LOG: 'info' },
      },
    );
    child.stderr?.on('data', (chunk) => {
      leaders += String(chunk).split('became-leader').length - 1;
      // Each of them makes one more leader without an election.
      handovers += String(chunk).split('handed-over-to-faster-voter').length - 1;
    });
    children.push(child);
    const url = await firstLine(child);
    link.target = new URL(url);
    urls.push(url);
  }
  const until = performance.now() + READY_MILLISECONDS;
  const shape = { shards, replicas: NODES };
  while (!(await areSettled(urls, shape)) && performance.now() < until) await pause(200);
  return {
    urls,
    pids: children.map(({ pid }) => pid ?? 0),
    delay: (milliseconds) => {
      for (const child of children) child.send(milliseconds);
    },
    delayLinks: (milliseconds) => {
      for (const link of links) link.delay(milliseconds);
    },
    changes: () => ({ elections: leaders - handovers, handovers }),
    end: async () => {
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(children.map((child) => new Promise((end) => child.once('exit', end))));
      for (const link of links) link.close();
      rmSync(folder, { recursive: true });
    },
  };
}
