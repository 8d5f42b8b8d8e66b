/** The position of a key on the ring: the hash of its tag if it has one, else of the whole key. */

import { hash } from '../base/hash.ts';

const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/**
 * A position, an integer in [0, 2^32). Tags follow the rule of Redis Cluster: the part between the
 * first `{` and the first `}` after it is hashed alone if it is at least one byte, so that keys
 * with one tag lie together. UTF-8 uses neither byte inside a longer character.
 */
export function keyPosition(key: Uint8Array): number {
  const tag = tagIn(key);
  return tag === undefined ? hash(key) : hash(key, 0, tag.start, tag.end);
}

/** Where the tag of all keys that begin with these bytes is; undefined if they have no tag yet. */
export function tagIn(key: Uint8Array): KeyTag | undefined {
  // A loop of our own: `indexOf` costs a call into the runtime, more than the hash of a short key.
  for (let open = 0; open < key.length; open++) {
    if (key[open] !== BRACE_OPEN) continue;
    for (let close = open + 1; close < key.length; close++) {
      if (key[close] !== BRACE_CLOSE) continue;
      return close > open + 1 ? { start: open + 1, end: close } : undefined;
    }
    break;
  }
  return undefined;
}

/** A tag without its braces: the bytes from `start` to before `end`. */
interface KeyTag {
  readonly start: number;
  readonly end: number;
}
