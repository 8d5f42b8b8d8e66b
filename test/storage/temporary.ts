/** Folders on the real file system that are removed when the process ends. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Removed when this process ends, however large it has become. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-log-'));
  folders.push(folder);
  return folder;
}
