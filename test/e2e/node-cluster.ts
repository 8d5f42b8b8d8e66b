/** Three nodes in processes of their own, which tests kill and start again. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { untilSpread } from './spread.ts';

const NODES = 3;
const NODE = fileURLToPath(new URL('./cluster-node.js', import.meta.url));

export interface Member {
  readonly folder: string;
  readonly port: number;
  child: ChildProcess | undefined;
}

export class NodeCluster {
  readonly members: Member[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get urls(): string[] {
    return this.members.map(({ port }) => `kv://127.0.0.1:${port}`);
  }

  /** Resolves when each shard is on all nodes. */
  async grow(shards: number): Promise<void> {
    for (let number = 1; number <= NODES; number++) {
      const port = await freePort();
      const member: Member = { folder: `${this.#folder}/n${number}`, port, child: undefined };
      this.members.push(member);
      const first = this.members[0] as Member;
      const how = number === 1 ? [`${shards}`] : ['0', `ws://127.0.0.1:${first.port}`];
      await this.start(member, how);
    }
    await untilSpread(this.urls[0] ?? '');
  }

  /** Resolves when it serves. */
  async start(member: Member, how: readonly string[] = ['0']): Promise<void> {
    const { folder, port } = member;
    const child = spawn(process.execPath, [NODE, folder, `${port}`, ...how]);
    member.child = child;
    let complaint = '';
    child.stderr.on('data', (piece) => {
      complaint += piece;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`node ended with ${code}: ${complaint}`)));
    });
  }

  async kill(member: Member): Promise<void> {
    const { child } = member;
    if (child === undefined) return;
    member.child = undefined;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.removeAllListeners('exit');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await Promise.race([gone, ended]);
  }

  async end(): Promise<void> {
    for (const member of this.members) await this.kill(member);
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
