/** One node in a process of its own, for tests that measure its memory or kill it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const NODE = fileURLToPath(new URL('./cluster-node.js', import.meta.url));

export class LoneNode {
  readonly port: number;
  readonly #child: ChildProcess;

  /** Use `start`. */
  constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when it serves. */
  static async start(folder: string, { shards = 1, join = '' } = {}): Promise<LoneNode> {
    const port = await freePort();
    const child = spawn(process.execPath, [NODE, folder, `${port}`, `${shards}`, join]);
    let complaint = '';
    child.stderr.on('data', (piece) => {
      complaint += piece;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`node ended with ${code}: ${complaint}`)));
    });
    return new LoneNode(child, port);
  }

  get url(): string {
    return `kv://127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The peak of its memory, in bytes. */
  get peakBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** It stands still, or goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  async end(): Promise<void> {
    if (!this.isRunning) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
