/** A loader hook that plants one bug in the module that it belongs to. */

import type { InitializeHook, LoadHook } from 'node:module';
import { type Bug, compiledPath, plant } from './bug.ts';

/** What to register; its data is the bug. */
export const PLANT_HOOK = import.meta.url;

let planted: Bug | undefined;

export const initialize: InitializeHook<Bug> = (bug) => {
  planted = bug;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (planted === undefined || loaded.source === undefined) return loaded;
  if (!url.endsWith(compiledPath(planted))) return loaded;
  const text = Buffer.from(loaded.source as string | Uint8Array).toString('utf8');
  return { ...loaded, source: plant(planted, text) };
};
