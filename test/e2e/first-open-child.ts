/**
 * A program that opens a folder for the first time and writes to it. It dies as by SIGKILL before
 * the call of the file system with the given number, or when its parent kills it.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const NAMES = [
  'closeSync',
  'fdatasyncSync',
  'fsyncSync',
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'writeFileSync',
  'writeSync',
  'close',
  'fdatasync',
  'fsync',
  'open',
  'rename',
  'unlink',
  'write',
] as const;

const [folder = '', last = '0'] = process.argv.slice(2);
const deadline = Number(last);
let calls = 0;

// Modules bind their imports when they are loaded, so this runs before the library is loaded.
const methods = fs as unknown as Record<string, (...all: unknown[]) => unknown>;
for (const name of NAMES) {
  const method = methods[name];
  if (method === undefined) continue;
  methods[name] = (...all) => {
    calls += 1;
    if (calls === deadline) process.kill(process.pid, 'SIGKILL');
    return method(...all);
  };
}
syncBuiltinESMExports();

calls = 0;
const { open } = await import('../../src/index.ts');
console.log('begun');
const kv = await open(folder);
await kv.set('key', 'value');
// A line in a pipe is there as soon as this returns, and the call is not counted.
process.stdout.write('acked\n');
await kv.close();
console.log(`calls ${calls}`);
