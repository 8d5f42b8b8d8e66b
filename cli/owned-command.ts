/**
 * Runs a command of the user for as long as a lock is owned, and ends it when the lock is lost.
 *
 * The command has a session and process group of its own, so that signals reach all of its
 * processes: `sh -c` alone would end, and leave its step running. The terminal then delivers
 * nothing to it, so kvctl passes signals on. If kvctl is killed, a watchdog ends the group.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { EXIT, EXIT_LOST } from './exit-codes.ts';
import { CliFailure } from './failure.ts';
import { exitOfSignal, type Interruption } from './interruption.ts';
import { ProcessGroup } from './process-group.ts';
import type { StoreLock } from './store.ts';
import type { Terminal } from './terminal.ts';

/**
 * How long a command has, after SIGTERM, before it is killed. A lock is reported lost when 0.8 of
 * its time to live have passed, so within the rest of it no other owner is possible.
 */
const GRACE_MILLISECONDS_MAX = 5000;
const GRACE_SHARE = 0.2;
/** How long kvctl stays to release the lock: without a node in reach that would be in vain. */
const RELEASING_MILLISECONDS = 2000;
/** The same, with the time in which it closes its connections. */
const LEAVING_MILLISECONDS = 3000;

interface OwnedCommand {
  readonly command: readonly string[];
  /** It stays in the process group of kvctl, and has the terminal. */
  readonly isForeground: boolean;
  readonly lock: StoreLock;
  /** What is owned, for messages. */
  readonly what: string;
  readonly terminal: Terminal;
  readonly interruption: Interruption;
}

/** The exit code of the command; it has ended, and the lock was released, when this resolves. */
export async function runOwned(owned: OwnedCommand): Promise<number> {
  const { lock, interruption } = owned;
  try {
    // A signal that came with the lock: the command is not begun.
    if (interruption.exit !== undefined) return interruption.exit;
    const exit = await new Running(owned).end();
    interruption.leaveWithin(LEAVING_MILLISECONDS, exit);
    return exit;
  } finally {
    interruption.passTo(undefined);
    await releaseInTime(lock);
  }
}

/** The command has ended: a lock that cannot be released now ends with its lease. */
async function releaseInTime(lock: StoreLock): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, RELEASING_MILLISECONDS);
  });
  await Promise.race([lock.release().catch(() => {}), late]);
  clearTimeout(timer);
}

class Running {
  readonly #owned: OwnedCommand;
  #group: ProcessGroup | undefined;
  #isLost = false;
  /** A signal that usually ends a program was passed on. */
  #isSignalled = false;
  #ending: Promise<void> | undefined;

  constructor(owned: OwnedCommand) {
    this.#owned = owned;
  }

  /** Resolves to the exit code when the command has ended; and its group, if it was signalled. */
  async end(): Promise<number> {
    const { lock, isForeground } = this.#owned;
    const lose = () => this.#lose();
    // Before the command begins: a signal that comes with it must not miss it.
    const forget = this.#listen();
    lock.signal.addEventListener('abort', lose);
    try {
      const ended = this.#begin();
      if (lock.signal.aborted) lose();
      const exit = await ended;
      if (this.#isSignalled && !isForeground) this.#endGroup();
      await this.#ending;
      return this.#isLost ? EXIT_LOST : exit;
    } finally {
      lock.signal.removeEventListener('abort', lose);
      forget();
      this.#group?.forget();
    }
  }

  #begin(): Promise<number> {
    const { command, lock, isForeground } = this.#owned;
    const { fence, ttlMilliseconds } = lock;
    const [file = '', ...words] = command;
    const isWhole = !isForeground && process.platform !== 'win32';
    const graceMilliseconds = Math.min(GRACE_MILLISECONDS_MAX, ttlMilliseconds * GRACE_SHARE);
    this.#group = new ProcessGroup({ isWhole, graceMilliseconds });
    const child = spawn(file, words, {
      stdio: 'inherit',
      env: fence === undefined ? process.env : { ...process.env, RINGKV_FENCE: fence },
      detached: isWhole,
    });
    if (child.pid !== undefined) this.#group.begin(child.pid);
    return exitOf(child, file);
  }

  #listen(): () => void {
    const pass = (name: NodeJS.Signals) => this.#pass(name);
    const pause = () => this.#pause();
    const resume = () => this.#resume();
    this.#owned.interruption.passTo(pass);
    for (const name of PASSED_ALSO) process.on(name, pass);
    process.on('SIGTSTP', pause);
    process.on('SIGCONT', resume);
    return () => {
      process.off('SIGTSTP', pause);
      process.off('SIGCONT', resume);
      for (const name of PASSED_ALSO) process.off(name, pass);
    };
  }

  /** The command decides how it ends. */
  #pass(name: NodeJS.Signals): void {
    const { isForeground } = this.#owned;
    // The terminal has delivered it to the command as well.
    if (isForeground && name === 'SIGINT' && process.stdin.isTTY) return;
    if (TELLING.includes(name)) return this.#group?.tell(name);
    if (name !== 'SIGWINCH') this.#isSignalled = true;
    this.#group?.send(name);
  }

  /** A group without the terminal ignores SIGTSTP, so it gets SIGSTOP. */
  #pause(): void {
    this.#group?.send('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  }

  /** A command does not go on if its lock was lost while kvctl was stopped. */
  #resume(): void {
    if (!this.#owned.lock.isOwned()) this.#lose();
    this.#group?.send('SIGCONT');
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const { what, terminal } = this.#owned;
    terminal.note(`${what} was lost: ending the command`);
    this.#endGroup();
  }

  #endGroup(): void {
    this.#ending ??= this.#group?.end();
  }
}

/**
 * What a program means by them is its own affair. Unheard, SIGUSR1 would open the inspector of
 * Node, and the others would end kvctl.
 */
const TELLING: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2', 'SIGALRM'];
/** Beside those that an interruption takes. */
const PASSED_ALSO: readonly NodeJS.Signals[] = ['SIGQUIT', 'SIGWINCH', ...TELLING];

function exitOf(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      // It is also told of a signal that could not be sent: then the command runs on.
      if (child.pid === undefined) reject(commandFailure(file, error));
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? EXIT.ok) : exitOfSignal(signal));
    });
  });
}

function commandFailure(file: string, error: NodeJS.ErrnoException): CliFailure {
  const isMissing = error.code === 'ENOENT';
  const why = isMissing ? 'there is no such program' : error.message;
  return new CliFailure({
    code: 'usage',
    exit: EXIT.usage,
    message: `the command ${JSON.stringify(file)} cannot be run: ${why}`,
    hint: isMissing ? 'check its path, or PATH' : 'name a program behind --, for example ./job.sh',
  });
}
