/** Two processes are started on one folder, as containers with a shared volume do it. */

import { equal, match, ok } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../storage/temporary.ts';
import { inNamespace } from '../support/namespaces.ts';

const PROGRAM = fileURLToPath(new URL('./folder-writer.js', import.meta.url));
const STARTS = 5;

function writer(folder: string): readonly string[] {
  return [process.execPath, PROGRAM, 'write', folder];
}

function run(command: readonly string[]): {
  readonly status: number | null;
  readonly said: string;
} {
  const [program = '', ...args] = command;
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, said: stdout };
}

for (const isApart of [false, true]) {
  const where = isApart ? 'from another container' : 'beside the first';
  test(`a start ${where} on a folder under load is refused, and no put is lost`, async () => {
    const folder = temporaryFolder();
    const second = isApart ? inNamespace(writer(folder)) : writer(folder);
    if (second === undefined) return;
    const [program = '', ...args] = writer(folder);
    const first = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    first.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const until = async (text: string) => {
      while (!said.includes(text)) await once(first.stdout, 'data');
    };
    await until('acked');
    for (let start = 0; start < STARTS; start++) {
      const { status, said: refusal } = run(second);
      equal(status, 3, refusal);
      match(refusal, /^refused folder-in-use notApplied .* is in use by process \d+.*Nothing was/);
      // It continues.
      await until(`acked ${16 * 20 * (start + 1)}\n`);
    }
    const gone = once(first, 'close');
    first.kill('SIGKILL');
    await gone;
    const acked = Number([...said.matchAll(/acked (\d+)\n/g)].at(-1)?.[1]);
    ok(acked >= 16 * 20 * STARTS);
    const check = run([process.execPath, PROGRAM, 'check', folder, `${acked}`]);
    equal(check.said, 'open\nmissing 0\n');
  });
}
