/** Runs a command of the user for as long as a lock is owned, and ends it when the lock is lost. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { EXIT, EXIT_LOST } from './exit-codes.ts';
import { CliFailure } from './failure.ts';
import type { StoreLock } from './store.ts';
import type { Terminal } from './terminal.ts';

/** How long a command has, after SIGTERM, before it is killed. */
const ENDING_MILLISECONDS = 5000;
/** Signals to kvctl are for the command: it decides how it ends. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What shells add to the number of the signal that ended a command. */
const SIGNALLED = 128;

interface OwnedCommand {
  readonly command: readonly string[];
  readonly lock: StoreLock;
  /** What is owned, for messages. */
  readonly what: string;
  readonly terminal: Terminal;
}

/** The exit code of the command; it has ended, and the lock was released, when this resolves. */
export async function runOwned({ command, lock, what, terminal }: OwnedCommand): Promise<number> {
  try {
    const { fence } = lock;
    const environment = fence === undefined ? process.env : { ...process.env, RINGKV_FENCE: fence };
    return await run({ command, lock, what, terminal }, environment);
  } finally {
    // The command has ended: a lock that cannot be released now ends with its lease.
    await lock.release().catch(() => {});
  }
}

function run(
  { command, lock, what, terminal }: OwnedCommand,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const [file = '', ...words] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, { stdio: 'inherit', env: environment });
    let isLost = false;
    let killing: NodeJS.Timeout | undefined;
    const lose = (): void => {
      isLost = true;
      terminal.note(`${what} was lost: ending the command`);
      child.kill('SIGTERM');
      killing = setTimeout(() => child.kill('SIGKILL'), ENDING_MILLISECONDS);
    };
    const pass = (signal: NodeJS.Signals): void => {
      child.kill(signal);
    };
    const end = (): void => {
      clearTimeout(killing);
      lock.signal.removeEventListener('abort', lose);
      for (const signal of PASSED_ON) process.off(signal, pass);
    };
    for (const signal of PASSED_ON) process.on(signal, pass);
    lock.signal.addEventListener('abort', lose);
    if (lock.signal.aborted) lose();
    child.on('error', (error) => {
      // It is also told of a signal that could not be sent: then the command runs on.
      if (child.pid !== undefined) return;
      end();
      reject(commandFailure(file, error));
    });
    child.once('exit', (code, signal) => {
      end();
      const number = signal === null ? 0 : constants.signals[signal];
      resolve(isLost ? EXIT_LOST : (code ?? SIGNALLED + number));
    });
  });
}

function commandFailure(file: string, { message }: Error): CliFailure {
  return new CliFailure({
    code: 'usage',
    exit: EXIT.usage,
    message: `the command ${JSON.stringify(file)} cannot be run: ${message}`,
    hint: 'write the command behind --, for example: kvctl lock NAME -- ./job.sh',
  });
}
