/** How many files and sockets the system lets this process have open. */

import { readFileSync } from 'node:fs';

/** Where the system does not say: what most of them allow at least. */
const FILES_MAX_DEFAULT = 1024;

export function openFilesMax(path = '/proc/self/limits'): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return FILES_MAX_DEFAULT;
  }
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
  return Number.parseInt(soft, 10) || FILES_MAX_DEFAULT;
}
