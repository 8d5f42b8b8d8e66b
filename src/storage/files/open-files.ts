/** The number of files and sockets that the system lets this process open. */

import { readFileSync } from 'node:fs';

/** The minimum of most systems, where the limit is unknown. */
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
