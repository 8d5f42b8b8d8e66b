/** The segmented log satisfies the contract of the log on both file systems. */

import { setImmediate as turn } from 'node:timers/promises';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type { Files } from '../../src/storage/files/files.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { testLog } from './log-contract.ts';
import { open } from './log-life.ts';
import { temporaryFolder } from './temporary.ts';

async function opened(files: Files, options: { readonly isNew: boolean }): Promise<Log> {
  return new Promise((resolve, reject) => {
    open(files, options, (result) => {
      if (result.type === 'opened') resolve(result.log);
      else reject(new Error(result.text));
    });
    if (files instanceof MemoryFiles) files.settle();
  });
}

let memory = new MemoryFiles();
testLog('memory', {
  open: () => {
    memory = new MemoryFiles();
    return opened(memory, { isNew: true });
  },
  reopen: () => opened(memory, { isNew: false }),
  settle: async () => memory.settle(),
});

let folder = '';
testLog('disk', {
  open: () => {
    folder = temporaryFolder();
    return opened(new DiskFiles(folder), { isNew: true });
  },
  reopen: () => opened(new DiskFiles(folder), { isNew: false }),
  settle: () => turn(),
});
