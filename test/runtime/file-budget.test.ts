/** Sockets and tables of LevelDB together stay within what the process may open. */

import { equal, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { budgetFor } from '../../src/runtime/file-budget.ts';
import { openFilesMax } from '../../src/storage/files/open-files.ts';
import { temporaryFolder } from '../storage/temporary.ts';

/** What the log and Node itself have open, and what a few peers take. */
const KEPT = 96;

test('the budgets leave enough for the disk, whatever the system allows', () => {
  for (const filesMax of [256, 512, 1024, 4096, 65_536, Number.MAX_SAFE_INTEGER]) {
    const { tablesMax, clientsMax, plainMax, visitorsMax } = budgetFor(filesMax);
    const given = tablesMax + clientsMax + plainMax + visitorsMax;
    ok(given <= filesMax - KEPT, `${given} of ${filesMax}`);
    ok(tablesMax >= 74 && clientsMax >= 40, `${tablesMax} ${clientsMax}`);
  }
  equal(budgetFor(Number.MAX_SAFE_INTEGER).clientsMax, 10_000);
  ok(budgetFor(0).clientsMax > 0, 'a process that may open nothing still answers');
});

test('the present limit of the process counts', () => {
  const path = join(temporaryFolder(), 'limits');
  const line = (soft: string) => {
    const head = 'Limit                     Soft Limit           Hard Limit           Units     \n';
    writeFileSync(
      path,
      `${head}Max open files            ${soft}                 4096      files\n`,
    );
    return openFilesMax(path);
  };
  equal(line('180'), 180);
  equal(line('unlimited'), Number.MAX_SAFE_INTEGER);
  equal(line('?'), 1024);
  equal(openFilesMax('/not/there'), 1024);
  ok(openFilesMax() > 0);
});
