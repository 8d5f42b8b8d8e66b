/** `kvctl start` as a child of a test, as a supervisor runs it: its output, and how it ends. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { FAULT_HOOK } from './fault-hook.ts';

const PROGRAM = 'build/cli/kvctl.js';

interface StartOptions {
  /** Planted into the child; SIGUSR2 triggers it (`fault-hook.ts`). */
  readonly fault?: 'assertion' | 'rejection' | 'hung-disk' | 'corrupt-read';
  readonly environment?: Readonly<Record<string, string>>;
  /** Shell commands before the program: `ulimit` and such. */
  readonly shell?: string;
}

export interface Exited {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ChildNode {
  readonly child: ChildProcess;
  readonly exited: Promise<Exited>;
  said = '';

  constructor(words: readonly string[], { fault, environment, shell }: StartOptions = {}) {
    const program = [PROGRAM, 'start', ...words];
    const node = fault === undefined ? program : ['--import', FAULT_HOOK, ...program];
    // A limit on the size of files sends a signal, which is ignored from here on.
    const line = `trap '' XFSZ; ${shell ?? ''} exec "$0" "$@"`;
    this.child = spawn('sh', ['-c', line, process.execPath, ...node], {
      env: { ...process.env, ...environment, RINGKV_TEST_FAULT: fault ?? '' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr?.on('data', (piece) => {
      this.said += piece;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** Resolves when it reports that it is up. */
  static async start(words: readonly string[], options?: StartOptions): Promise<ChildNode> {
    const node = new ChildNode(words, options);
    const early = node.exited.then(({ code }) => {
      throw new Error(`it ended with ${code}: ${node.said}`);
    });
    early.catch(() => {});
    await Promise.race([node.#isUp(), early]);
    return node;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async #isUp(): Promise<void> {
    while (!this.said.includes('is up')) await pause(10);
  }
}

/** From now on the process may not write a byte to a file. */
export async function forbidWriting(pid: number): Promise<void> {
  await promisify(execFile)('prlimit', ['--fsize=0', '--pid', String(pid)]);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The status of an HTTP path, or why there is none. */
export async function statusAt(port: number, path: string): Promise<number | string> {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  } catch (error) {
    return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? String(error);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
