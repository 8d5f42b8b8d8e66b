/** Which folder may import which: the table of rooms, the sole homes of packages, no cycles. */

import { type Rule, roomOf, type SourceFile, type Tree } from './tree.ts';

/**
 * The rooms that exist and what each may import besides itself. A new room gets its row in the
 * commit that adds it.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/base': [],
  'src/ring': ['src/base'],
  'src/raft': ['src/base'],
  'src/access': ['src/base'],
  'src/machine': ['src/base', 'src/ring'],
  'src/catalog': ['src/base', 'src/ring', 'src/raft', 'src/access'],
  'src/txn': ['src/base', 'src/ring', 'src/machine'],
  'src/wire': ['src/base', 'src/raft', 'src/machine', 'src/catalog', 'src/access'],
  'src/storage': ['src/base', 'src/raft', 'src/machine', 'src/wire'],
  'src/audit': ['src/base', 'src/access', 'src/storage'],
  'src/certificates': ['src/base'],
  'src/passwords': ['src/base', 'src/access'],
  'src/transport': ['src/base', 'src/wire', 'src/certificates'],
  'src/index.ts': ['src/base', 'src/client', 'src/runtime'],
  'src/admin.ts': ['src/base', 'src/access', 'src/client', 'src/catalog', 'src/machine'],
  'src/testkit.ts': ['src/base', 'src/client', 'src/testkit'],
  'src/queue.ts': ['src/layers'],
  'src/tables.ts': ['src/layers'],
  'src/files.ts': ['src/layers'],
  // What is built on the public calls alone, as an application would build it.
  'src/layers': ['src/index.ts'],
  // A cluster in memory: the parts of a node and of a client, on ports of its own.
  'src/testkit': [
    'src/base',
    'src/ring',
    'src/access',
    'src/catalog',
    'src/wire',
    'src/storage',
    'src/transport',
    'src/node',
    'src/client',
  ],
  'src/client': [
    'src/base',
    'src/ring',
    'src/access',
    'src/machine',
    'src/catalog',
    'src/wire',
    'src/transport',
    'src/passwords',
  ],
  'src/shard': [
    'src/base',
    'src/raft',
    'src/access',
    'src/machine',
    'src/storage',
    'src/txn',
    'src/wire',
  ],
  'src/node': [
    'src/base',
    'src/access',
    'src/audit',
    'src/raft',
    'src/machine',
    'src/catalog',
    'src/wire',
    'src/storage',
    'src/transport',
    'src/shard',
    'src/txn',
  ],
  'src/runtime': [
    'src/base',
    'src/access',
    'src/audit',
    'src/passwords',
    'src/catalog',
    'src/wire',
    'src/storage',
    'src/certificates',
    'src/transport',
    'src/shard',
    'src/node',
  ],
  // The public surfaces, as any user; the config file is the node's; and a place on the ring is
  // explained by the very code that chose it.
  cli: [
    'src/index.ts',
    'src/admin.ts',
    'src/runtime',
    'src/audit',
    'src/certificates',
    'src/catalog',
    'src/ring',
    'src/base',
  ],
  // They import the package by its name, as a user's program does, so that a copy of one works.
  examples: [],
};

/** Folders outside src; no room imports them, and these may import any room of src. */
const OUTSIDE = ['test', 'bench'];

/** A package is imported in its home, in tests and in benchmarks, and nowhere else. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  msgpackr: ['src/wire'],
  'classic-level': ['src/storage'],
  'node:fs': ['src/storage', 'cli'],
  'node:fs/promises': ['src/storage', 'cli'],
  ws: ['src/transport'],
  'node:http': ['src/transport'],
  'node:https': ['src/transport'],
  pino: ['src/runtime'],
  commander: ['cli'],
  tinybench: ['bench'],
};

const table: Rule = {
  sentence: 'a folder imports only what the table of rooms allows',
  find: (tree) => tree.sources.flatMap((file) => [...misplaced(file), ...forbidden(file)]),
  broken: [
    { 'src/base/a.ts': "import { b } from '../raft/b.ts';" },
    { 'src/ring/a.ts': "import type { B } from '../raft/b.ts';" },
    { 'src/raft/a.ts': "export { b } from '../wire/b.ts';" },
    { 'src/wire/a.ts': "import { test } from '../../test/support/b.ts';" },
    { 'src/raft/a.ts': "const later = () => import('../wire/b.ts');" },
    { 'src/raft/a.ts': "type Later = import('../wire/b.ts').Later;" },
    { 'bench/a.ts': "import { b } from '../test/b.ts';" },
    { 'examples/a.ts': "import { connect } from '../src/index.ts';" },
    { 'src/attic/a.ts': 'export const a = 1;' },
    { 'scripts/a.ts': 'export const a = 1;' },
  ],
  sound: [
    { 'src/raft/a.ts': "import { b } from '../base/b.ts';\nimport { c } from './c.ts';" },
    { 'src/raft/a.ts': "// import { b } from '../wire/b.ts';" },
    { 'src/raft/a.ts': 'const text = "import { b } from \'../wire/b.ts\'";' },
    { 'test/a.ts': "import { b } from '../src/raft/b.ts';" },
    { 'examples/a.ts': "import { connect } from 'ringkv';" },
  ],
};

function misplaced(file: SourceFile): string[] {
  const room = roomOf(file.path);
  if (room in ROOMS || OUTSIDE.includes(room)) return [];
  return [`${file.path}:1: ${room} is not in the table of rooms, give it a row there`];
}

function forbidden(file: SourceFile): string[] {
  const room = roomOf(file.path);
  return file.imports.flatMap(({ target, line }) => {
    if (target === undefined) return [];
    const other = roomOf(target);
    const mayImport = OUTSIDE.includes(room) ? Object.keys(ROOMS) : (ROOMS[room] ?? []);
    if (other === room || room === 'test' || mayImport.includes(other)) return [];
    const allowed = mayImport.join(', ') || 'nothing';
    return [`${file.path}:${line}: imports ${other}, but ${room} may import ${allowed}`];
  });
}

/** What of a node is loaded by a kvctl that runs none. */
const NODE_FACTS = /^src\/runtime\/(?:cluster-id|config|listen-address)\.ts$/;
const NODE_RUNNERS = /^cli\/(?:commands\/(?:start|salvage|encryption)|(?:node|http)-options)\.ts$/;

const runners: Rule = {
  sentence:
    'only `start` runs a node, `salvage` and `encryption` use its folder; other verbs talk to one',
  find: (tree) =>
    tree.sources
      .filter(({ path }) => path.startsWith('cli/') && !NODE_RUNNERS.test(path))
      .flatMap((file) =>
        file.imports
          .filter(({ target }) => target?.startsWith('src/runtime/') && !NODE_FACTS.test(target))
          .map(({ line, target }) => `${file.path}:${line}: imports ${target}, ask a node instead`),
      ),
  broken: [
    { 'cli/commands/get.ts': "import { startNode } from '../../src/runtime/node.ts';" },
    { 'cli/local-cluster-start.ts': "const later = () => import('../src/runtime/node.ts');" },
  ],
  sound: [
    {
      'cli/commands/start.ts': "import { startNode } from '../../src/runtime/node.ts';",
      'cli/config-file.ts': "import { parseConfig } from '../src/runtime/config.ts';",
    },
  ],
};

const spelling: Rule = {
  sentence: 'an import inside the house is relative and ends in .ts',
  find: (tree) =>
    tree.sources.flatMap((file) =>
      file.imports
        .filter(({ specifier, target }) =>
          target === undefined ? /^[/#~]|^(src|test)\//.test(specifier) : !target.endsWith('.ts'),
        )
        .map(
          ({ line, specifier }) => `${file.path}:${line}: write ${specifier} as ./path/to/file.ts`,
        ),
    ),
  broken: [
    { 'src/raft/a.ts': "import { b } from './b.js';" },
    { 'src/raft/a.ts': "import { b } from './b';" },
    { 'src/raft/a.ts': "import { b } from 'src/base/b.ts';" },
    { 'src/raft/a.ts': "import { b } from '#base/b.ts';" },
  ],
  sound: [{ 'src/raft/a.ts': "import { b } from './b.ts';\nimport ws from 'ws';" }],
};

const homes: Rule = {
  sentence: 'a package is imported in its sole home',
  find: (tree) =>
    tree.sources
      .filter(({ path }) => /^(src|cli)\//.test(path))
      .flatMap((file) =>
        file.imports.flatMap(({ specifier, target, line }) => {
          const rooms = HOMES[specifier];
          if (target !== undefined || rooms?.includes(roomOf(file.path))) return [];
          if (rooms === undefined && specifier.startsWith('node:')) return [];
          const home = rooms?.join(', ') ?? 'no home yet, name one in HOMES';
          return [`${file.path}:${line}: ${specifier} has its home elsewhere: ${home}`];
        }),
      ),
  broken: [
    { 'src/raft/a.ts': "import { pack } from 'msgpackr';" },
    { 'src/wire/a.ts': "import { readFileSync } from 'node:fs';" },
    { 'src/wire/a.ts': "import ws from 'ws';" },
    { 'src/wire/a.ts': "import { left } from 'left-pad';" },
    { 'src/base/a.ts': "import type { Logger } from 'pino';" },
  ],
  sound: [
    { 'src/wire/a.ts': "import { pack } from 'msgpackr';" },
    { 'src/runtime/a.ts': "import { EventEmitter } from 'node:events';" },
    { 'test/a.ts': "import ws from 'ws';" },
  ],
};

const fileCycles: Rule = {
  sentence: 'no files import each other in a circle',
  find: (tree) => cycles(tree, (path) => path),
  broken: [
    {
      'src/raft/a.ts': "import { b } from './b.ts';",
      'src/raft/b.ts': "import type { C } from './c.ts';",
      'src/raft/c.ts': "import { a } from './a.ts';",
    },
  ],
  sound: [
    {
      'src/raft/a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';",
      'src/raft/b.ts': "import { c } from './c.ts';",
      'src/raft/c.ts': 'export const c = 1;',
    },
  ],
};

const folderCycles: Rule = {
  sentence: 'no folders import each other in a circle',
  find: (tree) => cycles(tree, roomOf),
  broken: [
    {
      'src/raft/a.ts': "import { b } from '../wire/b.ts';",
      'src/wire/c.ts': "import { d } from '../raft/d.ts';",
    },
  ],
  sound: [
    {
      'src/wire/a.ts': "import { b } from '../raft/b.ts';",
      'src/raft/b.ts': "import { c } from './c.ts';",
    },
  ],
};

function cycles(tree: Tree, placeOf: (path: string) => string): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { path, imports } of tree.sources) {
    if (!path.startsWith('src/')) continue;
    const place = placeOf(path);
    const targets = edges.get(place) ?? new Set();
    edges.set(place, targets);
    for (const { target } of imports) {
      if (target !== undefined && placeOf(target) !== place) targets.add(placeOf(target));
    }
  }
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (place: string, trail: readonly string[]) => {
    const start = trail.indexOf(place);
    if (start >= 0) {
      const circle = [...trail.slice(start), place].join(' -> ');
      found.push(`${place}:1: imports itself: ${circle}; move what they share below them`);
    }
    if (start >= 0 || finished.has(place)) return;
    for (const next of edges.get(place) ?? []) visit(next, [...trail, place]);
    finished.add(place);
  };
  for (const place of edges.keys()) visit(place, []);
  return found;
}

export const IMPORT_RULES: readonly Rule[] = [
  table,
  runners,
  spelling,
  homes,
  fileCycles,
  folderCycles,
];
