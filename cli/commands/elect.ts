/** `kvctl elect`: runs a command while it leads. */

import { hostname } from 'node:os';
import type { Call } from '../call.ts';
import { bytesOf, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { durationOption } from '../options.ts';
import { runOwned } from '../owned-command.ts';
import { meaningOf, shownValue } from '../value.ts';
import { noteFor, requireCommand, requireNode } from './lock.ts';

export async function run(call: Call): Promise<Exit | number> {
  const { options, terminal, words, command, interruption } = call;
  const [key = '', value = `${hostname()}:${process.pid}`] = words;
  if (options.observe === true) return await observe(call, key);
  requireCommand(call, 'kvctl elect KEY VALUE -- COMMAND, or kvctl elect KEY --observe');
  const store = await call.store();
  const lock = await store.lead({
    key: bytesOf(key, encodingOf(options)),
    value: store.codec.encode(value),
    waitMilliseconds: durationOption(options, 'wait'),
    ttlMilliseconds: durationOption(options, 'ttl'),
    note: noteFor(command),
    signal: interruption.begin(),
  });
  if (lock === undefined) {
    await requireNode(call, `the wait for the leadership of ${key} is over`);
    terminal.note(`another candidate for ${key} led all the time; the command was not run`);
    return EXIT.timeout;
  }
  const isForeground = options.foreground === true;
  const what = `the leadership of ${key}`;
  return await runOwned({ command, isForeground, lock, what, terminal, interruption });
}

/** One line for each leader, until kvctl is ended. */
async function observe(call: Call, key: string): Promise<Exit> {
  const { options, terminal, words } = call;
  if (words.length > 1 || call.command.length > 0) {
    throw usageFailure('--observe takes the key alone', 'use kvctl elect KEY --observe');
  }
  const encoding = encodingOf(options);
  const store = await call.store();
  for await (const value of store.leaders(bytesOf(key, encoding), call.interruption.begin())) {
    if (value === undefined) terminal.note('no leader');
    else await terminal.write(`${shownValue(meaningOf(value, store.codec), encoding)}\n`);
  }
  return EXIT.ok;
}
