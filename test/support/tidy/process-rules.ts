/** What a file of tests may do that runs in one process with others. */

import { sharesProcess } from '../runner/groups.ts';
import { findMatches, type Rule, type SourceFile, type Tree } from './tree.ts';

/** Packages that start processes and threads, or open ports. */
const FOREIGN = /^(?:node:(?:child_process|cluster|dgram|https?|net|tls|worker_threads)|ws)$/;

const HARMS: readonly RegExp[] = [
  // It ends the process or makes it fail, moves it, or measures what others have left.
  /\bprocess\.(?:abort|chdir|exit|exitCode|kill|memoryUsage|resourceUsage|uptime)\b/g,
  /\bprocess\.env\.\w+\s*=[^=]/g,
  // Listeners stay; a folder may be removed at the end.
  /\bprocess\.(?:on|once|addListener)\b(?!\(' {4}')/g,
  /\bsetFlagsFromString\b/g,
  // A hook outside of a suite is a hook of the tests of all files.
  /^(?:test\.)?(?:before|after|beforeEach|afterEach)\(/gm,
];

const shared: Rule = {
  sentence: 'a file of tests that shares its process leaves nothing in it for the others',
  find: (tree) => sharedFiles(tree).flatMap((file) => [...foreign(file), ...harms(file)]),
  broken: [
    { 'test/raft/a.test.ts': "import { spawn } from 'node:child_process';" },
    { 'test/raft/a.test.ts': 'process.exit(1);' },
    { 'test/raft/a.test.ts': "process.env.A = 'b';" },
    { 'test/raft/a.test.ts': "process.on('unhandledRejection', complain);" },
    { 'test/raft/a.test.ts': 'beforeEach(() => {});' },
    { 'test/raft/a.test.ts': "import { b } from './b.ts';", 'test/raft/b.ts': 'process.exit(1);' },
  ],
  sound: [
    { 'test/runtime/a.test.ts': "import { spawn } from 'node:child_process';" },
    { 'test/raft/a.test.ts': "import { readFileSync } from 'node:fs';\nprocess.env.A === 'b';" },
    { 'test/raft/a.test.ts': "process.on('exit', () => {});" },
    { 'test/raft/a.test.ts': 'describe(() => {\n  beforeEach(() => {});\n});' },
    { 'test/raft/b.ts': 'process.exit(1);' },
  ],
};

/** With what they import of the tests: what they import of the product is pure, or closed. */
function sharedFiles(tree: Tree): readonly SourceFile[] {
  const paths = new Set(tree.sources.map(({ path }) => path).filter(isShared));
  for (const path of paths) {
    const file = tree.sources.find((one) => one.path === path);
    for (const { target } of file?.imports ?? [])
      if (target?.startsWith('test/')) paths.add(target);
  }
  return tree.sources.filter(({ path }) => paths.has(path));
}

function isShared(path: string): boolean {
  return path.endsWith('.test.ts') && sharesProcess(path);
}

function foreign({ path, imports }: SourceFile): string[] {
  return imports
    .filter(({ specifier, typeNames, names }) => {
      return FOREIGN.test(specifier) && typeNames.length < names.length;
    })
    .map(({ line, specifier }) => `${path}:${line}: imports ${specifier}; ${ADVICE}`);
}

function harms(file: SourceFile): string[] {
  return HARMS.flatMap((pattern) =>
    findMatches(file, file.code, pattern, (found) => `has ${found}; ${ADVICE}`),
  );
}

const ADVICE = 'name the test in OWN_PROCESS of test/support/runner/groups.ts';

export const PROCESS_RULES: readonly Rule[] = [shared];
