/** `kvctl get`: prints the value of a key, byte for byte. */

import { type Call, formatOf } from '../call.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { durationText } from '../pending.ts';
import { entryPlain } from '../printers/entry.ts';
import type { Codec, StoredEntry } from '../store.ts';
import { meaningOf, payloadOf, shownValue } from '../value.ts';

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const key = bytesOf(words[0] ?? '', encodingOf(options));
  const store = await call.store();
  const entry = await store.get(key);
  if (entry === undefined) {
    terminal.note(`key not found: ${encodeText(key, encodingOf(options))}`);
    return EXIT.no;
  }
  await print(call, entry, options.stored === true ? undefined : store.codec);
  return EXIT.ok;
}

/** One line on a terminal; otherwise exactly the bytes, so that a file survives set and get. */
async function print(call: Call, entry: StoredEntry, codec: Codec | undefined): Promise<void> {
  const { options, terminal } = call;
  const format = formatOf(call);
  if (format === 'json') return terminal.write(`${JSON.stringify(entryPlain(entry, codec))}\n`);
  const value = meaningOf(entry.value, codec);
  const encoding = encodingOf(options);
  if (encoding === 'text' && (format === 'raw' || !terminal.isWatched)) {
    return terminal.write(payloadOf(value));
  }
  await terminal.write(`${shownValue(value, encoding)}\n`);
  const { expiresAt } = entry;
  if (terminal.isWatched && expiresAt !== undefined) {
    terminal.note(`expires in ${durationText(Math.max(0, expiresAt - Date.now()))}`);
  }
}
