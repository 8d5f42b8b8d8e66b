/** The processes of a command: signals reach all of them, also if kvctl is killed. */

import { type ChildProcess, spawn } from 'node:child_process';

const LOOK_MILLISECONDS = 20;

interface Group {
  /** Of the command, which leads the group. */
  readonly pid: number;
  /** False: only the command is signalled. */
  readonly isWhole: boolean;
  /** From SIGTERM to SIGKILL. */
  readonly graceMilliseconds: number;
}

/**
 * Reads from kvctl. A line says that the command has ended; the end of the input without one means
 * that kvctl was killed.
 */
const WATCHDOG =
  'read -r line || { kill -s TERM -- "$1" && sleep "$2" && kill -s KILL -- "$1"; } 2>/dev/null';

export class ProcessGroup {
  readonly #target: number;
  readonly #graceMilliseconds: number;
  readonly #watchdog: ChildProcess | undefined;

  constructor({ pid, isWhole, graceMilliseconds }: Group) {
    this.#target = isWhole ? -pid : pid;
    this.#graceMilliseconds = graceMilliseconds;
    if (process.platform !== 'win32') this.#watchdog = this.#watch();
  }

  send(name: NodeJS.Signals): void {
    this.#signal(name);
  }

  /** SIGTERM, and SIGKILL after the grace time. Resolves when no process of it is left. */
  async end(): Promise<void> {
    // A process that is stopped takes SIGTERM when it goes on.
    if (!this.#signal('SIGTERM') || !this.#signal('SIGCONT')) return;
    const until = performance.now() + this.#graceMilliseconds;
    while (performance.now() < until) {
      await new Promise((resume) => setTimeout(resume, LOOK_MILLISECONDS));
      if (!this.#signal(0)) return;
    }
    this.#signal('SIGKILL');
  }

  /** The command has ended. */
  forget(): void {
    this.#watchdog?.stdin?.end('ended\n');
  }

  /** False if there is no such process any more. */
  #signal(name: NodeJS.Signals | 0): boolean {
    try {
      process.kill(this.#target, name);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      // A process of another user, for example under sudo: it is there, and cannot be signalled.
      if ((error as NodeJS.ErrnoException).code === 'EPERM') return true;
      throw error;
    }
  }

  /** Where there is no shell, there is no watchdog. */
  #watch(): ChildProcess {
    const seconds = Math.ceil(this.#graceMilliseconds / 1000);
    const watchdog = spawn(
      'sh',
      ['-c', WATCHDOG, 'kvctl-watchdog', String(this.#target), String(seconds)],
      { stdio: ['pipe', 'ignore', 'ignore'], detached: true },
    );
    for (const part of [watchdog, watchdog.stdin]) part?.on('error', () => {});
    watchdog.unref();
    return watchdog;
  }
}
