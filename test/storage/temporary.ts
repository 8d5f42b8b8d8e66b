/** Folders on the real file system that are gone when the process is. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Removed when this process ends, however large it has become. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-log-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
