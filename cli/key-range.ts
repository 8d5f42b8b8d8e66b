/** The key range of a call: a prefix, or from one key to another. */

import type { Options } from './call.ts';
import { bytesOf, encodingOf } from './encoding.ts';
import { usageFailure } from './failure.ts';
import { textOption } from './options.ts';
import type { KeySpan } from './store.ts';

const OPEN = new Uint8Array();

export function keyRangeOf(options: Options): KeySpan {
  const encoding = encodingOf(options);
  const bound = (name: string) => {
    const text = textOption(options, name);
    return text === undefined ? undefined : bytesOf(text, encoding);
  };
  const prefix = bound('prefix');
  const from = bound('from');
  const to = bound('to');
  if (prefix === undefined) return { from: from ?? OPEN, to: to ?? OPEN };
  if (from === undefined && to === undefined) return { from: prefix, to: behind(prefix) };
  throw usageFailure(
    '--prefix cannot be combined with --from or --to',
    'use either --prefix, or --from and --to',
  );
}

/** The first key after all keys with the prefix; undefined if there is none. */
export function behind(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  const end = prefix.slice(0, length);
  if (length > 0) end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}
