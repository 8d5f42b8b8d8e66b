/**
 * Notes of a desktop application, in a store inside its own process: no server, no port. A note is
 * on the disk before `saved` appears, so neither `kill -9` nor a power cut loses it.
 *
 *     make build && node build/examples/notes.js [FOLDER]
 *
 * Type a line to save it, `?word` to find notes by the beginning of a word, Ctrl-D to quit. A note
 * and its index entries are saved together or not at all. If that fails with the outcome
 * `unknown`, the note may be there: the search tells, so look before you type it again.
 */

import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { KvError, open } from 'ringkv';

const folder = process.argv[2] ?? 'data/notes';
const kv = await open(folder).catch((error: unknown) => {
  if (error instanceof KvError && error.code === 'folder-in-use') {
    console.error(`the notes in ${folder} are open in another window`);
    process.exit(1);
  }
  throw error;
});
const notes = kv.space<string>('note'); // id: the text.
const words = kv.space<string>('word'); // "word id": the id. Sorted, so that a prefix is a range.

async function save(text: string): Promise<void> {
  const id = randomUUID();
  await kv.transaction((tx) => {
    tx.in(notes).set(id, text);
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
      tx.in(words).set(`${word} ${id}`, id);
    }
  });
}

async function find(prefix: string): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { value } of words.scan({ prefix: prefix.toLowerCase(), limit: 50 })) {
    ids.add(value);
  }
  const found = await notes.getMany([...ids]);
  return found.flatMap((note) => (note === undefined ? [] : [note.value]));
}

console.log(`${await notes.count()} notes`);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line.startsWith('?')) {
      console.log((await find(line.slice(1))).join('\n') || 'nothing found');
    } else if (line !== '') {
      await save(line);
      console.log('saved');
    }
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    console.error(`${error.message} (${error.code}, ${error.outcome}): ${error.hint}`);
  }
}
await kv.close();
