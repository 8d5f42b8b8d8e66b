/** `kvctl count`: counts keys. */

import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { keyRangeOf } from '../key-range.ts';

export async function run(call: Call): Promise<Exit> {
  const span = keyRangeOf(call.options);
  const store = await call.store();
  const count = await store.count(span);
  const text = formatOf(call) === 'json' ? JSON.stringify({ count }) : String(count);
  await call.terminal.write(`${text}\n`);
  return EXIT.ok;
}
