/** A benchmark that is interrupted or killed leaves no process and no folder. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const CHILDREN = new URL('../../bench/peers/children.js', import.meta.url);
/** It prints its child and its folder, and would run for ever. */
const PROGRAM = `
  import { endWhenInterrupted, startChild, temporaryFolder } from ${JSON.stringify(CHILDREN.href)};
  endWhenInterrupted();
  const child = startChild('sleep', ['600'], { stdio: 'ignore' });
  console.log(child.pid + ' ' + temporaryFolder('bench-children'));
  setInterval(() => {}, 1000);
`;

interface Started {
  readonly benchmark: ChildProcess;
  readonly pid: number;
  readonly folder: string;
}

async function start(): Promise<Started> {
  const benchmark = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.ok(benchmark.stdout !== null);
  const [line] = (await once(benchmark.stdout, 'data')) as [Buffer];
  const [pid = '', folder = ''] = String(line).trim().split(' ');
  assert.ok(isRunning(Number(pid)) && existsSync(folder));
  return { benchmark, pid: Number(pid), folder };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The kernel's signal is not synchronous. */
async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await pause(10);
}

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  test(`${signal} ends the child processes and removes the folders`, async () => {
    const { benchmark, pid, folder } = await start();
    benchmark.kill(signal);
    assert.deepEqual(await once(benchmark, 'exit'), [code, null]);
    assert.ok(!isRunning(pid) && !existsSync(folder));
  });
}

test('SIGKILL ends the child processes', { timeout: 60_000 }, async (t) => {
  const { benchmark, pid, folder } = await start();
  t.after(() => rmSync(folder, { recursive: true }));
  benchmark.kill('SIGKILL');
  await once(benchmark, 'exit');
  await untilGone(pid);
});
