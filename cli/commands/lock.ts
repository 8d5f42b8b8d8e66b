/** `kvctl lock`: runs a command while it owns a lock. */

import type { Call } from '../call.ts';
import { bytesOf, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { countOption, durationOption } from '../options.ts';
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
  const lock = await (await store()).lock({
    name: bytesOf(name, encodingOf(options)),
    waitMilliseconds: options.try === true ? 0 : durationOption(options, 'wait'),
    ttlMilliseconds: durationOption(options, 'ttl'),
    isShared,
    permits,
    note: noteFor(command),
    signal: interruption.begin(),
  });
  if (lock === undefined) {
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

/** What `kvctl locks` shows of the owner. */
export function noteFor(command: readonly string[]): string {
  return `kvctl ${process.pid}: ${command.join(' ')}`.slice(0, NOTE_CHARACTERS_MAX);
}

/** 256 bytes, whatever the characters are. */
const NOTE_CHARACTERS_MAX = 64;
