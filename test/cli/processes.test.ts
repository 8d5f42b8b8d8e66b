/** A pid file ends the process that it was made for, and no other. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { endProcess, livePid, writePidFile } from '../../cli/processes.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'kvctl-pid-'));
const PID_FILE = join(FOLDER, 'n1.pid');
after(() => rmSync(FOLDER, { recursive: true, force: true }));

function sleeper(): ChildProcess {
  return spawn(process.execPath, ['-e', 'setTimeout(() => {}, 30_000)'], { stdio: 'ignore' });
}

test('the process of a pid file gets SIGTERM, once', async () => {
  const child = sleeper();
  writePidFile(PID_FILE, child.pid ?? 0);
  assert.equal(livePid(PID_FILE), child.pid);
  const ended = once(child, 'exit');
  assert.equal(await endProcess(PID_FILE), 'stopped');
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  assert.equal(livePid(PID_FILE), undefined);
  assert.equal(await endProcess(PID_FILE), 'not there');
});

test('a process that reuses the pid of another one is left alone', async () => {
  const child = sleeper();
  writePidFile(PID_FILE, child.pid ?? 0);
  const [pid, mark = ''] = readFileSync(PID_FILE, 'utf8').split('\n');
  const forgeries = [
    `${pid}\n${mark.slice(0, -1)}\n`,
    `${pid}\n\n`,
    `${pid}\n`,
    `-${pid}\n${mark}\n`,
    `0\n${mark}\n`,
    '',
  ];
  for (const text of forgeries) {
    writeFileSync(PID_FILE, text);
    assert.equal(await endProcess(PID_FILE), 'not there', JSON.stringify(text));
  }
  assert.equal(child.exitCode ?? child.signalCode, null, 'it runs on');
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('without a pid file no process is ended', async () => {
  assert.equal(await endProcess(join(FOLDER, 'none.pid')), 'not there');
});
