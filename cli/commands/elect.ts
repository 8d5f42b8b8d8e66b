/** `kvctl elect`: runs a command while it leads. */

import type { Call } from '../call.ts';
import { bytesOf, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { durationOption } from '../options.ts';
import { runOwned } from '../owned-command.ts';
import { noteFor } from './lock.ts';

export async function run({ options, terminal, words, ...call }: Call): Promise<Exit | number> {
  const [key = '', value = '', ...command] = words;
  const store = await call.store();
  const lock = await store.lead({
    key: bytesOf(key, encodingOf(options)),
    value: store.codec.encode(value),
    waitMilliseconds: durationOption(options, 'wait'),
    ttlMilliseconds: durationOption(options, 'ttl'),
    note: noteFor(command),
  });
  if (lock === undefined) {
    terminal.note(`another candidate for ${key} led all the time; the command was not run`);
    return EXIT.timeout;
  }
  return await runOwned({ command, lock, what: `the leadership of ${key}`, terminal });
}
