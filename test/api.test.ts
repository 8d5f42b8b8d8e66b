/** The examples of the API reference and of the documents compile as users would write them. */

import { deepEqual, equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { examplesIn, referenceOf } from './support/api/reference.ts';
import { plantTree, readTree } from './support/tidy/tree.ts';

test('each example of the reference compiles in strict TypeScript', () => {
  const examples = examplesIn(referenceOf(readTree('.')));
  equal(examples.length > 40, true, 'the page has examples');
  const errors = compiled(examples);
  equal(errors, '');
});

test('each program in the README and the documents compiles in strict mode, as it stands', () => {
  const pages = ['README.md', ...readdirSync('docs').map((name) => join('docs', name))];
  const blocks = pages
    .filter((page) => page.endsWith('.md') && page !== join('docs', 'API.md'))
    .flatMap((page) => {
      const found = [...readFileSync(page, 'utf8').matchAll(/```(?:js|ts)\n([\s\S]*?)```/g)];
      return found.map(([, block = '']) => block);
    });
  const programs = blocks.filter((block) => /^import /m.test(block));
  // What imports nothing is a part of a program that has a client `kv`, as in the reference.
  equal(compiled(blocks.filter((block) => !programs.includes(block))), '');
  equal(programs.length >= 3, true, 'the README has programs');
  equal(checked(programs), '');
  const [first = ''] = programs;
  deepEqual(checked([first.replace('?.value', '.value')]).includes('possibly'), true);
});

test('an example that does not compile is reported', () => {
  const errors = compiled(["await kv.put('a', 1);", "await kv.set('a', 1);"]);
  equal(/example-0\.ts\(.*'put' does not exist/.test(errors), true, errors);
  equal(errors.includes('example-1'), false, errors);
});

test('a changed comment, name or type changes the page', () => {
  const pageOf = (text: string) => referenceOf(plantTree({ 'src/index.ts': `/** S. */\n${text}` }));
  const page = pageOf('const a = 1;\n/** Opens. */\nexport function open(b: B = {}): C {}');
  equal(page.includes('### open\n\n```ts\nfunction open(b?: B): C\n```\n\nOpens.'), true, page);
  equal(page === pageOf('const a = 1;\n/** Ends. */\nexport function open(b: B): C {}'), false);
});

/** What the compiler says of examples; nothing if they are right. */
function compiled(examples: readonly string[]): string {
  const files = examples.map((text, at) => ({ name: `example-${at}.ts`, text: moduleOf(text) }));
  return complaintsOf(files, []);
}

/** The same for whole programs in JavaScript. */
function checked(programs: readonly string[]): string {
  const files = programs.map((text, at) => ({ name: `program-${at}.mjs`, text }));
  return complaintsOf(files, ['--allowJs', '--checkJs']);
}

function complaintsOf(
  files: readonly { readonly name: string; readonly text: string }[],
  options: readonly string[],
): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-examples-'));
  try {
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
    symlinkSync(process.cwd(), join(folder, 'node_modules', 'ringkv'));
    const types = join(process.cwd(), 'node_modules', '@types');
    symlinkSync(join(types, 'node'), join(folder, 'node_modules', '@types', 'node'));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    const tsc = join(process.cwd(), 'node_modules', '.bin', 'tsc');
    const strict = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--skipLibCheck'];
    const modern = ['--module', 'nodenext', '--target', 'esnext', '--types', 'node'];
    const words = [...strict, ...modern, ...options, ...files.map(({ name }) => name)];
    return outputOf(() => execFileSync(tsc, words, { cwd: folder, encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function outputOf(run: () => string): string {
  try {
    return run();
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout ?? error);
  }
}

/** In a function of its own, with what the page promises, and what the example imports itself. */
function moduleOf(example: string): string {
  const imports = example.split('\n').filter((line) => line.startsWith('import '));
  const rest = example.split('\n').filter((line) => !line.startsWith('import '));
  const own = imports.join('\n');
  const values = [
    'bytes',
    'connect',
    'isKvError',
    'json',
    'KvError',
    'open',
    'shouldRetry',
    'utf8',
  ];
  const missing = values.filter((name) => !new RegExp(`\\b${name}\\b`).test(own));
  return `${own}
import { ${missing.join(', ')} } from 'ringkv';
import type { Balance, CallEvent, Client, Codec, Key, Space, Transaction } from 'ringkv';
import type { Participant } from 'ringkv/admin';
import type { FileSystem } from 'ringkv/files';
import type { Queue } from 'ringkv/queue';
import type { Database, StandardSchema, TableDefinition } from 'ringkv/tables';
interface User { readonly name: string }
interface Person {
  readonly org: string; readonly id: string; readonly email: string; readonly age: number;
}
type People = TableDefinition<StandardSchema<Person>, readonly ['org', 'id']>;
declare const id: string, age: number, participants: readonly Participant[];
declare const db: Database<{ readonly users: People }>;
declare const fs: FileSystem;
declare const mails: Queue<{ readonly to: string }>;
async function example(kv: Client, users: Space<User>): Promise<void> {
  {
${rest.join('\n')}
  }
}
`;
}
