/** `kvctl add`: adds to a number. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf, plainOf } from '../document.ts';
import { bytesOf, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { durationOption, integerOf, textOption } from '../options.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const key = bytesOf(words[0] ?? '', encodingOf(options));
  const by = integerOf(words[1] ?? '1');
  const ttlMilliseconds = durationOption(options, 'ttl');
  const fence = textOption(options, 'fence');
  const store = await call.store();
  const value = await store.add(key, by, { ttlMilliseconds, fence });
  const isJson = formatOf(call) === 'json';
  const told = { key: plainKeyOf(key), value: plainOf(value) };
  await terminal.write(`${isJson ? JSON.stringify(told) : value}\n`);
  return EXIT.ok;
}
