/** `kvctl clear`: deletes all keys of a range. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { keyRangeOf } from '../key-range.ts';
import { progressOn } from '../printers/progress.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal } = call;
  const span = keyRangeOf(options);
  const isWhole = span.from.length + span.to.length === 0;
  if (isWhole !== (options.everything === true)) {
    throw usageFailure(
      isWhole ? 'clear has no range' : '--everything is given together with a range',
      'pass --prefix, --from or --to, or --everything to delete all keys',
    );
  }
  const store = await call.store();
  if (options.yes !== true) {
    const keys = await store.count(span);
    const count = `${keys} ${keys === 1 ? 'key' : 'keys'}`;
    throw usageFailure(`this deletes ${count} for good`, 'add --yes to confirm');
  }
  const progress = progressOn(terminal, 'deleting');
  let done = 0;
  try {
    const deleted = await store.clear(span, (count) => {
      done = count;
      progress.tell(`${count} keys`);
    });
    const isJson = formatOf(call) === 'json';
    await terminal.write(`${isJson ? JSON.stringify({ deleted }) : deleted}\n`);
    return EXIT.ok;
  } catch (error) {
    terminal.note(`deleted ${done} keys before the failure; run the command again for the rest`);
    throw error;
  }
}
