/** The processes of a command: signals reach all of them, also if kvctl is killed. */

import { type ChildProcess, spawn } from 'node:child_process';

const LOOK_MILLISECONDS = 20;

interface Group {
  /** False: only the command is signalled. */
  readonly isWhole: boolean;
  /** From SIGTERM to SIGKILL. */
  readonly graceMilliseconds: number;
}

/**
 * Reads from kvctl. The first line has the target; the second one says that the command has ended.
 * The end of the input between the two means that kvctl was killed.
 */
const WATCHDOG =
  'read -r target || exit; read -r line || ' +
  '{ kill -s TERM -- "$target" && sleep "$1" && kill -s KILL -- "$target"; } 2>/dev/null';

export class ProcessGroup {
  /** 0 until the command has begun. */
  #target = 0;
  readonly #isWhole: boolean;
  readonly #graceMilliseconds: number;
  readonly #watchdog: ChildProcess | undefined;

  /** Before the command: a kill right behind its start finds the watchdog there. */
  constructor({ isWhole, graceMilliseconds }: Group) {
    this.#isWhole = isWhole;
    this.#graceMilliseconds = graceMilliseconds;
    if (process.platform !== 'win32') this.#watchdog = this.#watch();
  }

  /** The command, which leads the group. */
  begin(pid: number): void {
    this.#target = this.#isWhole ? -pid : pid;
    this.#watchdog?.stdin?.write(`${this.#target}\n`);
  }

  send(name: NodeJS.Signals): void {
    this.#signal(name);
  }

  /** The command alone: it would end the processes of the group that do not know it. */
  tell(name: NodeJS.Signals): void {
    this.#signal(name, Math.abs(this.#target));
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
    this.#watchdog?.stdin?.end(this.#target === 0 ? '' : 'ended\n');
  }

  /** False if there is no such process any more. */
  #signal(name: NodeJS.Signals | 0, target = this.#target): boolean {
    if (target === 0) return false;
    try {
      process.kill(target, name);
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
    const watchdog = spawn('sh', ['-c', WATCHDOG, 'kvctl-watchdog', String(seconds)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    for (const part of [watchdog, watchdog.stdin]) part?.on('error', () => {});
    watchdog.unref();
    return watchdog;
  }
}
