/** The program in the README of the layer runs as it stands, and mistakes do not compile. */

import { deepEqual, equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const readme = readFileSync('src/layers/tables/README.md', 'utf8');
const [, START = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

/** Works in a folder that has the package installed. */
function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-tables-'));
  try {
    mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
    symlinkSync(process.cwd(), join(folder, 'node_modules', 'ringkv'));
    const types = join('node_modules', '@types', 'node');
    symlinkSync(join(process.cwd(), types), join(folder, types));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The lines that the compiler complains of. */
function compile(folder: string, program: string): number[] {
  writeFileSync(join(folder, 'start.ts'), program);
  const tsc = join(process.cwd(), 'node_modules', '.bin', 'tsc');
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
  const modern = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  const words = [...strict, ...modern, '--skipLibCheck', 'start.ts'];
  try {
    execFileSync(tsc, words, { cwd: folder, encoding: 'utf8' });
    return [];
  } catch (error) {
    const { stdout } = error as { readonly stdout: string };
    return [...stdout.matchAll(/start\.ts\((\d+),/g)].map(([, line]) => Number(line));
  }
}

test('the start in the README compiles in strict mode, and prints what it says', () => {
  inFolder((folder) => {
    deepEqual(compile(folder, START), []);
    const printed = execFileSync(process.execPath, ['start.js'], { cwd: folder, encoding: 'utf8' });
    equal(printed, 'ada@acme.org\n');
  });
});

test('fields, keys and conditions that a table does not have do not compile', () => {
  const mistakes = [
    "await db.users.insert({ org: 'acme', id: '8', email: 'x' });",
    "await db.users.get(['acme']);",
    "await db.users.get('acme');",
    "await db.users.find({ where: { name: 'x' } });",
    "await db.users.find({ where: { age: '18' } });",
    "await db.users.find({ where: { age: { startsWith: '1' } } });",
    "await db.users.find({ orderBy: 'name' });",
    'await db.users.update(rows[0]!, { age: true });',
    'await db.orders.get(1);',
    'await db.transaction((tx) => tx.users.watch());',
    "table({ schema: unchecked<{ a: string }>(), key: ['b'] });",
    "table({ schema: unchecked<{ a: string }>(), key: ['a'], indexes: { b: { on: ['b'] } } });",
  ];
  const [imports = '', body = ''] = START.split('\n\nconst kv');
  const before = `${imports}\n\nconst kv${body}`.trimEnd().split('\n');
  const lines = mistakes.map((_, at) => before.length + 1 + at);
  inFolder((folder) => {
    deepEqual(compile(folder, [...before, ...mistakes].join('\n')), lines);
  });
});
