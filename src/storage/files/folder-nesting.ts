/** Whether a path is inside the data folder of a node, or contains one. */

import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDataFolder } from './folder-lock.ts';
import { errnoOf } from './system-errors.ts';

/** Why the path cannot be a data folder; undefined if it can. It need not exist. */
export function nestingOf(path: string): string | undefined {
  const whole = wholePath(path);
  for (let above = dirname(whole); above !== dirname(above); above = dirname(above)) {
    if (isDataFolder(above)) return `is inside the data folder ${above}`;
  }
  if (isDataFolder(whole)) return undefined;
  const inner = foldersIn(whole).find((name) => isDataFolder(join(whole, name)));
  return inner === undefined ? undefined : `would contain the data folder ${join(whole, inner)}`;
}

/** Resolves links as far as the path exists. */
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
