/** A child process with one task: what it found, or how it died. */

import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Finding, Task } from './child.ts';

/** A seed or a test file that takes longer counts as hanging; the sound product takes seconds. */
const MILLISECONDS_MAX = 120_000;
/** The time that a test file may still take once it has failed. */
const MILLISECONDS_AFTER_FAILURE = 5000;
const MEMORY_MEGABYTES_MAX = 3000;
const FAILED_TEST = /^ *not ok \d+ - (.*)\n/m;

/** The last finding of a child. One that dies or hangs has found the bug by that. */
export async function runChild(task: Task): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-planted-'));
  try {
    return await findingOf(task, folder);
  } finally {
    // A killed process cannot clean up after itself.
    rmSync(folder, { recursive: true, force: true });
  }
}

function findingOf(task: Task, folder: string): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./child.js', import.meta.url), [JSON.stringify(task)], {
      execArgv: [
        `--max-old-space-size=${MEMORY_MEGABYTES_MAX}`,
        '--test-reporter=tap',
        '--test-reporter-destination=stdout',
      ],
      // Inside a test the report would be in the format of its runner.
      env: { ...process.env, TMPDIR: folder, NODE_TEST_CONTEXT: undefined },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let last: Finding = { seed: task.seedFirst - 1, caught: undefined };
    let report = '';
    let complaint = '';
    let isKilled = false;
    const kill = () => {
      isKilled = true;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(kill, MILLISECONDS_MAX);
    const wait = (milliseconds: number) => {
      clearTimeout(timer);
      timer = setTimeout(kill, milliseconds);
    };
    child.on('message', (finding: Finding) => {
      last = finding;
      wait(MILLISECONDS_MAX);
    });
    child.stdout?.on('data', (text: Buffer) => {
      if (last.caught !== undefined) return;
      report += text.toString();
      const failed = FAILED_TEST.exec(report)?.[1];
      if (failed === undefined) return;
      last = { seed: last.seed, caught: `${suiteOf(task)}: ${failed}` };
      wait(MILLISECONDS_AFTER_FAILURE);
    });
    child.stderr?.on('data', (text: Buffer) => {
      complaint += text.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (last.caught !== undefined || (code === 0 && !isKilled)) return resolve(last);
      const cause = causeOf(task, { code, complaint, isKilled });
      if (cause !== undefined) resolve({ seed: last.seed + 1, caught: cause });
      else reject(new Error(`the child for ${task.bug ?? 'no bug'} died\n${complaint}`));
    });
  });
}

/** Why a death counts as a finding; undefined if it does not. */
function causeOf(
  task: Task,
  death: { readonly code: number | null; readonly complaint: string; readonly isKilled: boolean },
): string | undefined {
  const where = task.oracle === 'unit-tests' ? ` (${suiteOf(task)})` : '';
  if (death.isKilled) return `time: it never ends${where}`;
  if (death.complaint.includes('heap')) return `memory: it has no bound${where}`;
  return where === '' ? undefined : `${suiteOf(task)}: the process ends with ${death.code}`;
}

function suiteOf({ tests = '' }: Task): string {
  return `unit test: ${basename(tests, '.test.ts')}`;
}
