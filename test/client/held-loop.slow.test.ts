/** A client whose loop was blocked reads what has arrived before it expires calls. */

import { equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { connect } from '../../src/index.ts';

const TIMEOUT_MILLISECONDS = 2000;

async function nodeOnThread(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-held-'));
  const worker = new Worker(new URL('./held-node.js', import.meta.url), { workerData: folder });
  t.after(async () => {
    const ended = once(worker, 'exit');
    worker.postMessage('stop');
    await ended;
    rmSync(folder, { recursive: true });
  });
  const [url] = (await once(worker, 'message')) as [string];
  return url;
}

test('an answer that arrives while the loop is blocked is not a timeout', async (t) => {
  const url = await nodeOnThread(t);
  const kv = await connect(url);
  t.after(() => kv.close());
  await kv.set('key', 'value');
  const read = kv.get('key', { timeout: TIMEOUT_MILLISECONDS });
  const written = kv.set('other', 1, { timeout: TIMEOUT_MILLISECONDS });
  // They are sent at the end of this turn; then the loop stops until both timeouts are over.
  await new Promise((resume) => setImmediate(() => setImmediate(resume)));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TIMEOUT_MILLISECONDS + 500);
  equal((await read)?.value, 'value');
  ok((await written).version > 0);
});
