/** The library in a realm of its own, as Jest runs it. */

import { deepEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHILD = fileURLToPath(new URL('./realm-child.js', import.meta.url));

/** What every store answers. */
const SEEN = '["Ada",2,7,2,3,2,true,true,true,"mine",true,"aborted","why","unsupported-value"]';

test('bytes, dates, errors and signals of another realm are known', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-realm-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, CHILD, folder]);
  deepEqual(stdout.trim().split('\n'), [
    `memory ${SEEN}`,
    `folder ${SEEN}`,
    `again ${SEEN}`,
    `cluster ${SEEN}`,
    `testkit ${SEEN}`,
    'unreachable',
  ]);
});
