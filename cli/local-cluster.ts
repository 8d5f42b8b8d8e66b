/** Runs the nodes of a config file as processes on this machine. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodeConfig } from '../src/runtime/config.ts';
import { parseHostAndPort } from '../src/runtime/listen-address.ts';
import { type ConfigFile, dataPathOf } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { CliFailure } from './failure.ts';
import { livePid, writePidFile } from './processes.ts';

export interface LocalNode {
  readonly name: string;
  readonly listen: string;
  readonly data: string;
  readonly pidFile: string;
  /** Standard error of the node goes to this file. */
  readonly logFile: string;
}

export function localNodes(file: ConfigFile): readonly LocalNode[] {
  return file.config.nodes.map((node: NodeConfig) => {
    const data = dataPathOf(file, node);
    const { name, listen } = node;
    return { name, listen, data, pidFile: `${data}.pid`, logFile: `${data}.log` };
  });
}

export function isRunning({ pidFile }: LocalNode): boolean {
  return livePid(pidFile) !== undefined;
}

/** Checks all ports before any node is started. */
export async function refuseTakenPorts(nodes: readonly LocalNode[]): Promise<void> {
  const faults = await Promise.all(
    nodes.map(async (node) => ({ node, fault: await listenFaultOf(node) })),
  );
  const taken = faults.filter(({ fault }) => fault !== undefined);
  if (taken.length === 0) return;
  throw new CliFailure({
    code: 'port-taken',
    exit: EXIT.refused,
    message: `${taken.length} of ${nodes.length} nodes cannot listen: the port is in use`,
    reasons: taken.map(({ node, fault }) => {
      return { endpoint: `${node.name} ${node.listen}`, what: fault ?? '' };
    }),
    hint:
      'stop the other process (for another local cluster: `kvctl down` in its folder), ' +
      'or set other ports in cluster.config.json. Nothing was started',
  });
}

function listenFaultOf({ listen }: LocalNode): Promise<string | undefined> {
  const { host, port } = parseHostAndPort(listen) ?? { host: '127.0.0.1', port: 0 };
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      resolve(isTaken ? 'another process listens on this port' : error.message);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export interface Spawned {
  readonly node: LocalNode;
  readonly child: ChildProcess;
}

interface SpawnOptions {
  readonly file: ConfigFile;
  readonly isFounder: boolean;
  /** The node outlives kvctl; otherwise it ends with kvctl, even if kvctl is killed. */
  readonly isDetached: boolean;
}

export function spawnNode(node: LocalNode, { file, isFounder, isDetached }: SpawnOptions): Spawned {
  mkdirSync(dirname(node.data), { recursive: true });
  const words = ['start', '--node', node.name];
  if (file.path !== undefined) words.push('--config', file.path);
  if (isFounder) words.push('--init');
  const program = fileURLToPath(new URL('./kvctl.js', import.meta.url));
  const log = openSync(node.logFile, 'a');
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...words], {
    cwd: file.folder,
    // A process group of its own: Ctrl-C reaches only kvctl, which then stops the nodes.
    detached: true,
    stdio: isDetached ? ['ignore', log, log] : ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  if (child.pid !== undefined) writePidFile(node.pidFile, child.pid);
  if (isDetached) child.unref();
  return { node, child };
}

const TAIL_LINES = 3;

/** The last log lines of a node, which show why it ended. */
export function lastWordsOf({ logFile }: LocalNode): string {
  try {
    return readFileSync(logFile, 'utf8').trim().split('\n').slice(-TAIL_LINES).join('\n');
  } catch {
    return '';
  }
}
