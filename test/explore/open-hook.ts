/**
 * A loader hook that turns the private fields of the Raft core into plain ones, so that a replica
 * can be copied and compared whole. What the code does stays the same.
 */

import type { LoadHook } from 'node:module';

/** What to register. */
export const OPEN_HOOK = import.meta.url;

const CORE = /\/src\/(raft\/[a-z-]+|base\/recent-maximum)\.js$/;

/** The prefix that a private field `#name` has once it is open. */
const OPEN = '_';

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (!CORE.test(url) || loaded.source === undefined) return loaded;
  const text = Buffer.from(loaded.source as string | Uint8Array).toString('utf8');
  return { ...loaded, source: text.replace(/#(?=[a-z]\w*)/g, OPEN) };
};
