/** An entry as a plain object for JSON output. */

import { plainKeyOf, plainOf } from '../document.ts';
import type { Codec, StoredEntry } from '../store.ts';
import { meaningOf } from '../value.ts';

/** With the time at which the key expires, if it does. */
export function entryPlain(entry: StoredEntry, codec: Codec | undefined): object {
  const { key, value, version, expiresAt } = entry;
  const plain = { key: plainKeyOf(key), value: plainOf(meaningOf(value, codec)), version };
  return expiresAt === undefined
    ? plain
    : { ...plain, expiresAt: new Date(expiresAt).toISOString() };
}
