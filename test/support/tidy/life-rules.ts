/** No dead code: every file is reached and every exported name is used. */

import { lineAt, type Rule, type SourceFile, type Tree } from './tree.ts';

/** What is started by name, besides the programs that the Makefile starts. */
const STARTED = new RegExp(
  [
    '\\.(?:test|bench)\\.ts$',
    '^src/(?:index|admin|testkit|queue|tables|files)\\.ts$',
    '^cli/kvctl\\.ts$',
    '^examples/[^/]+\\.ts$',
  ].join('|'),
);

/** A module that a worker or a child process starts: `new URL('./name.js', import.meta.url)`. */
const STARTED_BY_ADDRESS = /\bnew\s+URL\(\s*(['"] *['"])\s*,\s*import\.meta\.url/g;

const DECLARATION = ['function\\s*\\*?', 'const', 'let', 'class', 'interface', 'type'].join('|');
const EXPORTS = new RegExp(
  `\\bexport\\s+(?:declare\\s+|abstract\\s+|async\\s+)*(?:${DECLARATION})\\s+([\\w$]+)`,
  'g',
);

const reached: Rule = {
  sentence: 'each file is reached from a test, a benchmark, a program or the public surface',
  find: (tree) => {
    const makefile = tree.texts.get('Makefile') ?? '';
    const roots = tree.sources.filter(
      ({ path }) => STARTED.test(path) || makefile.includes(`build/${path.replace(/ts$/, 'js')}`),
    );
    const alive = reach(tree, roots);
    return tree.sources
      .filter(({ path }) => !alive.has(path))
      .map(({ path }) => `${path}:1: nothing reaches it, use it or delete it`);
  },
  broken: [
    { 'src/raft/a.ts': 'export const a = 1;' },
    { 'examples/support/a.ts': 'export const a = 1;' },
    { 'test/support/a.ts': 'export const a = 1;', Makefile: 'node build/test/support/b.js' },
    {
      'src/raft/a.ts': "import { b } from './b.ts';",
      'src/raft/b.ts': "import type { A } from './a.ts';",
    },
  ],
  sound: [
    { 'test/a.test.ts': "import { b } from '../src/b.ts';", 'src/b.ts': '' },
    { 'examples/a.ts': "import { connect } from 'ringkv';" },
    { 'test/run.ts': '', Makefile: '\tnode build/test/run.js unit' },
    {
      'test/a.test.ts': "new Worker(new URL('./support/b.js', import.meta.url));",
      'test/support/b.ts': "export { c } from './c.ts';",
      'test/support/c.ts': '',
    },
  ],
};

function reach(tree: Tree, roots: readonly SourceFile[]): Set<string> {
  const byPath = new Map(tree.sources.map((file) => [file.path, file]));
  const alive = new Set(roots.map(({ path }) => path));
  for (const path of alive) {
    const file = byPath.get(path);
    if (file === undefined) continue;
    for (const { target } of file.imports) if (target !== undefined) alive.add(target);
    for (const target of startedBy(file)) alive.add(target);
  }
  return alive;
}

function startedBy(file: SourceFile): string[] {
  return [...file.code.matchAll(STARTED_BY_ADDRESS)].map((match) => {
    const quoted = match[1] ?? '';
    const start = match.index + match[0].indexOf(quoted);
    const specifier = file.text.slice(start + 1, start + quoted.length - 1);
    const address = new URL(specifier, `file:///${file.path}`).pathname.slice(1);
    return address.replace(/\.js$/, '.ts');
  });
}

const used: Rule = {
  sentence: 'each exported name of src is imported by another file',
  find: (tree) => {
    const uses = usesIn(tree);
    return tree.sources
      .filter(({ path }) => path.startsWith('src/') && !STARTED.test(path))
      .flatMap((file) =>
        exportsOf(file)
          .filter(({ name }) => !uses(file.path, name))
          .map(
            ({ name, line }) =>
              `${file.path}:${line}: no file imports ${name}, keep it private or delete it`,
          ),
      );
  },
  broken: [
    { 'src/raft/a.ts': 'export const a = 1;\nconst b = a;' },
    { 'src/raft/a.ts': 'export interface A {}', 'test/a.test.ts': "import '../src/raft/a.ts';" },
    { 'src/raft/a.ts': 'const a = 1;\nexport { a as b };' },
    { 'src/raft/a.ts': 'export type A = 1;', 'src/raft/b.ts': "import { A } from './c.ts';" },
    { 'src/raft/a.ts': 'export class A {}', 'test/b.ts': "import * as a from '../src/raft/a.ts';" },
  ],
  sound: [
    {
      'src/raft/a.ts': 'export function a() {}',
      'test/b.ts': "import { a as b } from '../src/raft/a.ts';",
    },
    { 'src/raft/a.ts': 'export type A = 1;', 'src/raft/b.ts': "import { type A } from './a.ts';" },
    { 'src/raft/a.ts': 'export const a = 1;', 'src/index.ts': "export { a } from './raft/a.ts';" },
    {
      'src/raft/a.ts': 'export const a = 1;',
      'test/b.ts': "import * as raft from '../src/raft/a.ts';\nraft.a;",
    },
    {
      'src/runtime/a.ts': 'export const a = 1;',
      'src/index.ts': "const { a } = await import('./runtime/a.ts');",
    },
  ],
};

/** Whether some other file imports a name: by name, or with all the others and then says it. */
function usesIn(tree: Tree): (path: string, name: string) => boolean {
  const named = new Set<string>();
  const whole = new Map<string, SourceFile[]>();
  for (const file of tree.sources) {
    for (const { target, names } of file.imports) {
      if (target === undefined || target === file.path) continue;
      for (const name of names) named.add(`${target} ${name}`);
      if (names.includes('*')) whole.set(target, [...(whole.get(target) ?? []), file]);
    }
  }
  return (path, name) =>
    named.has(`${path} ${name}`) ||
    (whole.get(path) ?? []).some(({ code }) => new RegExp(`\\b${name}\\b`).test(code));
}

function exportsOf({ code }: SourceFile): { readonly name: string; readonly line: number }[] {
  const declared = [...code.matchAll(EXPORTS)].map((match) => ({
    name: match[1] ?? '',
    line: lineAt(code, match.index),
  }));
  const listed = [...code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap((match) =>
    (match[1] ?? '').split(',').flatMap((item) => {
      const name = item.trim().split(/\s+/).at(-1) ?? '';
      return name === '' ? [] : [{ name, line: lineAt(code, match.index) }];
    }),
  );
  return [...declared, ...listed];
}

export const LIFE_RULES: readonly Rule[] = [reached, used];
