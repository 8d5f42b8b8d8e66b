/** A real process that owns a lock is stopped until another one owns it, and then goes on. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LoneNode } from './lone-node.ts';

const OWNER = fileURLToPath(new URL('./stopped-owner.js', import.meta.url));
const TTL = 2000;
const LONG = { timeout: 120_000 };

async function lineOf({ stdout }: ChildProcess): Promise<string> {
  const [line] = await once(stdout as NodeJS.ReadableStream, 'data');
  return String(line).trim();
}

test('the first step of a process that was stopped finds its signals aborted', LONG, async (t) => {
  const node = await LoneNode.start(temporaryFolder());
  t.after(() => node.end());
  const kv = await connect([node.url]);
  t.after(() => kv.close());
  for (const every of [1, 20, 200, 1000]) {
    const owner = spawn(process.execPath, [OWNER, node.url, `${TTL}`, `${every}`]);
    t.after(() => owner.kill('SIGKILL'));
    assert.equal(await lineOf(owner), 'owned');
    await pause(300 + every);
    owner.kill('SIGSTOP');
    const next = await kv.lock('job', { wait: 60_000 });
    const told = lineOf(owner);
    owner.kill('SIGCONT');
    const { heard, ...rest } = JSON.parse(await told);
    assert.deepEqual(rest, { aborted: [true, true], isOwned: false });
    assert.equal(heard, 2, 'what asks a signal makes its listeners run');
    await next.release();
  }
});
