/** A program that forgets to close its client ends all the same, and no call is lost for it. */

import { deepEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ChildNode, freePort } from './child-node.ts';

const LIBRARY = pathToFileURL(resolve('build/src/index.js')).href;

/** Writes in the background until all is there, and leaves its client open. */
const PROGRAM = `
  import { connect } from '${LIBRARY}';
  const kv = await connect(process.argv[1]);
  for (let at = 0; at < 10; at++) kv.set('k' + at, at);
  const look = async () => {
    const count = await kv.count();
    if (count < 10) setTimeout(look, 50);
    else console.log(count);
  };
  look();
`;

test('a script ends when nothing is open any more', { timeout: 120_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-forgotten-'));
  const port = await freePort();
  const node = await ChildNode.start(['--data', folder, '--listen', `127.0.0.1:${port}`, '--init']);
  context.after(async () => {
    node.kill('SIGKILL');
    await node.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  const words = ['--input-type=module', '-e', PROGRAM, `kv://127.0.0.1:${port}`];
  const script = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  script.stdout.on('data', (piece) => {
    printed += piece;
  });
  const [code] = await once(script, 'close');
  deepEqual([code, printed], [0, '10\n']);
});
