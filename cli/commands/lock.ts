/** `kvctl lock`: runs a command while it owns a lock. */

import type { Call } from '../call.ts';
import { bytesOf, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure, reportOf, usageFailure } from '../failure.ts';
import { countOption, durationOption, textOptions } from '../options.ts';
import { runOwned } from '../owned-command.ts';

export async function run(call: Call): Promise<Exit | number> {
  const { options, terminal, words, command, store, interruption } = call;
  const [name = ''] = words;
  requireCommand(call, 'kvctl lock NAME -- COMMAND');
  const isShared = options.shared === true;
  const permits = countOption(options, 'permits', { min: 1, max: 256 });
  if (isShared && permits !== undefined) {
    throw usageFailure('--shared and --permits are given together', 'pass one of them');
  }
  const encoding = encodingOf(options);
  const guarded = textOptions(options, 'guard').map((key) => bytesOf(key, encoding));
  if (guarded.length > 0 && permits !== undefined) {
    throw usageFailure('--guard and --permits are given together', 'a permit has no fence');
  }
  const lock = await (await store()).lock({
    name: bytesOf(name, encoding),
    waitMilliseconds: options.try === true ? 0 : durationOption(options, 'wait'),
    ttlMilliseconds: durationOption(options, 'ttl'),
    isShared,
    permits,
    guarded,
    note: noteFor(command),
    signal: interruption.begin(),
  });
  if (lock === undefined) {
    await requireNode(call, `the wait for lock ${name} is over`);
    terminal.note(`lock ${name} was not free in time; the command was not run`);
    return EXIT.timeout;
  }
  const isForeground = options.foreground === true;
  const what = `lock ${name}`;
  return await runOwned({ command, isForeground, lock, what, terminal, interruption });
}

/** A command that is missing is noticed before the lock is taken. */
export function requireCommand({ command }: Call, usage: string): void {
  if (command.length > 0) return;
  throw usageFailure('the command is missing', `write it behind --, as in: ${usage}`);
}

/** A lock is not to be called taken while no node can say so. */
export async function requireNode({ store }: Call, what: string): Promise<void> {
  try {
    await (await store()).map();
  } catch (error) {
    const { code, exit, reasons, hint } = reportOf(error);
    if (code !== 'unreachable') return;
    const message = `${what}, and no node can be reached; the command was not run`;
    throw new CliFailure({ code, exit, message, reasons, hint });
  }
}

/** What `kvctl locks` shows of the owner. */
export function noteFor(command: readonly string[]): string {
  return `kvctl ${process.pid}: ${command.join(' ')}`.slice(0, NOTE_CHARACTERS_MAX);
}

/** 256 bytes, whatever the characters are. */
const NOTE_CHARACTERS_MAX = 64;
