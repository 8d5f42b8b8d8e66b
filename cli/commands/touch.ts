/** `kvctl touch`: sets when a key expires. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf } from '../document.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { durationOf } from '../options.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const encoding = encodingOf(options);
  const key = bytesOf(words[0] ?? '', encoding);
  const word = words[1] ?? '';
  const ttlMilliseconds = word === 'never' ? null : durationOf(word, 'time');
  const store = await call.store();
  const isTouched = await store.touch(key, ttlMilliseconds);
  const isJson = formatOf(call) === 'json';
  const told = { key: plainKeyOf(key), isTouched };
  await terminal.write(`${isJson ? JSON.stringify(told) : Number(isTouched)}\n`);
  if (isTouched) return EXIT.ok;
  terminal.note(`${encodeText(key, encoding)} does not exist`);
  return EXIT.no;
}
