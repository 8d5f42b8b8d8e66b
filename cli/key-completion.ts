/** Completes a word to keys of the cluster, if the cluster answers quickly. */

import type { Call } from './call.ts';
import { textOf } from './encoding.ts';
import { behind } from './key-range.ts';

const KEYS_SUGGESTED = 50;
const KEY_MILLISECONDS = 1000;

export async function keysBeginningWith(word: string, call: Call): Promise<string[]> {
  const late = new Promise<string[]>((resolve) => {
    setTimeout(resolve, KEY_MILLISECONDS, []).unref();
  });
  return await Promise.race([scanned(word, call), late]);
}

async function scanned(word: string, call: Call): Promise<string[]> {
  const from = new TextEncoder().encode(word);
  const store = await call.store();
  const { entries } = store.scan({
    from,
    to: behind(from),
    isReverse: false,
    isKeysOnly: true,
    limit: KEYS_SUGGESTED,
    cursor: undefined,
  });
  const keys: string[] = [];
  for await (const { key } of entries) {
    const text = textOf(key);
    // A key that needs quotes no longer begins with the typed text, so it is left out.
    if (text !== undefined && !/[\s'"\\\p{Cc}]/u.test(text)) keys.push(text);
  }
  return keys;
}
