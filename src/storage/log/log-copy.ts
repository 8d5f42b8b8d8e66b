/** Reads a log without changing its folder: a log that is opened begins a new life in it. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG_LIMITS } from '../../base/limits.ts';
import { Random } from '../../base/random.ts';
import { MemoryFiles } from '../files/memory-files.ts';
import type { Log, LogOwner } from './log.ts';
import { openLog } from './log-boot.ts';

/** Opened on a copy in memory; a text that says why it cannot be. */
export async function openLogCopy(folder: string, owner: LogOwner): Promise<Log | string> {
  const image = new Map<string, Uint8Array>();
  try {
    for (const name of await readdir(folder)) {
      if (name.startsWith('spare')) continue;
      image.set(name, new Uint8Array(await readFile(join(folder, name))));
    }
  } catch (error) {
    return `${folder} cannot be read: ${(error as Error).message}`;
  }
  const files = new MemoryFiles({ schedule: (complete) => setImmediate(complete) });
  files.restore(image);
  const options = {
    files,
    owner,
    limits: LOG_LIMITS,
    random: new Random(1),
    now: () => 0,
    isNew: false,
    onFault: () => {},
  };
  return new Promise((resolve) => {
    openLog(options, (opened) => resolve(opened.type === 'opened' ? opened.log : opened.text));
  });
}
