/** What the tests of file systems share: an audit of all records of one. */

import type { Client } from '../../../src/index.ts';
import { hashesIn } from '../../../src/layers/files/content-reader.ts';
import { recordsOf } from '../../../src/layers/files/records.ts';

/**
 * Keys that no name leads to, and keys that a name needs and that do not exist. Required: no call
 * runs meanwhile.
 */
export async function orphansOf(kv: Client, system = 'main'): Promise<string[]> {
  const records = recordsOf(kv, system);
  const expected = new Set<string>();
  const folders = ['root'];
  for (const folder of folders) {
    for await (const { key, value } of records.entries.scan({ prefix: `{${folder}}/` })) {
      expected.add(`entry:${String(key)}`);
      if (value.type === 'folder') folders.push(value.id);
      else if (value.content.type === 'chunked') expected.add(`content:{${value.content.id}}`);
    }
  }
  for (const content of [...expected].filter((key) => key.startsWith('content:'))) {
    const id = content.slice('content:{'.length, -1);
    for await (const { key, value } of records.pieces.scan({ prefix: `{${id}}/` })) {
      expected.add(`piece:${String(key)}`);
      for (const hash of hashesIn(value)) {
        expected.add(`chunk:{${hash}}`).add(`size:{${hash}}`).add(`reference:{${hash}}/${id}`);
      }
    }
  }
  const prefix = `files:${system}:`;
  const found = new Set<string>();
  for await (const key of kv.keys({ prefix })) found.add(String(key).slice(prefix.length));
  return [
    ...[...found].filter((key) => !expected.has(key)).map((key) => `orphan ${key}`),
    ...[...expected].filter((key) => !found.has(key)).map((key) => `missing ${key}`),
  ]
    .sort()
    .slice(0, 12);
}
