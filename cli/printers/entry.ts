/** An entry as a plain object for JSON output. */

import { plainKeyOf, plainOf } from '../document.ts';
import type { Codec, StoredEntry } from '../store.ts';
import { meaningOf } from '../value.ts';

export function entryPlain({ key, value, version }: StoredEntry, codec: Codec | undefined): object {
  return { key: plainKeyOf(key), value: plainOf(meaningOf(value, codec)), version };
}
