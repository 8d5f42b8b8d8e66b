/** Three Redis masters and three replicas as processes, each syncing its log at every write. */

import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../cluster/three-nodes.ts';
import { endChild, removeFolder, startChild, temporaryFolder } from './children.ts';
import { runCommand } from './install.ts';

const FIRST_PORT = 23_810;
const NODES = 6;
const READY_MILLISECONDS = 30_000;

export interface RedisCluster {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  end(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const folder = temporaryFolder('redis');
  const ports = Array.from({ length: NODES }, (_, at) => FIRST_PORT + at);
  const children = ports.map((port) => startOne(join(folder, `${port}`), port));
  const end = async () => {
    await Promise.all(children.map(endChild));
    removeFolder(folder);
  };
  try {
    await until('answer', async () => {
      await Promise.all(ports.map((port) => runCommand('redis-cli', ['-p', `${port}`, 'ping'])));
      return true;
    });
    await runCommand('redis-cli', [
      ...['--cluster', 'create', ...ports.map((port) => `127.0.0.1:${port}`)],
      ...['--cluster-replicas', '1', '--cluster-yes'],
    ]);
    await until('form a cluster', async () => {
      const told = await runCommand('redis-cli', ['-p', `${FIRST_PORT}`, 'cluster', 'info']);
      return told.includes('cluster_state:ok');
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { ports, pids: children.map(({ pid }) => pid ?? 0), end };
}

function startOne(folder: string, port: number): ChildProcess {
  mkdirSync(folder);
  return startChild(
    'redis-server',
    [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
      ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ],
    { stdio: 'ignore' },
  );
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY_MILLISECONDS;
  for (;;) {
    if (await isSo().catch(() => false)) return;
    if (performance.now() > end) throw new Error(`the Redis nodes do not ${what}`);
    await pause(200);
  }
}
