/** Whether a path lies inside the data folder of a node, or would lie around one. */

import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDataFolder } from './folder-lock.ts';
import { errnoOf } from './system-errors.ts';

/** What is wrong with the path as a data folder; undefined if nothing is. It need not exist. */
export function nestingOf(path: string): string | undefined {
  const whole = wholePath(path);
  for (let above = dirname(whole); above !== dirname(above); above = dirname(above)) {
    if (isDataFolder(above)) return `lies inside ${above}, which is one itself`;
  }
  if (isDataFolder(whole)) return undefined;
  const inner = foldersIn(whole).find((name) => isDataFolder(join(whole, name)));
  return inner === undefined ? undefined : `would hold ${join(whole, inner)}, which is one`;
}

/** Without links, as far as it is there. */
function wholePath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return join(wholePath(dirname(whole)), basename(whole));
  }
}

function foldersIn(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return [];
    throw error;
  }
}
