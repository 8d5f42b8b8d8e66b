/** The runner of the tests, on a tree of its own: what it runs, what it prints, how it ends. */

import { doesNotMatch, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('./run.js', import.meta.url));

const TREE: Readonly<Record<string, string>> = {
  'ring/sound': "test('it holds', () => {});",
  'raft/broken': `
    test('it holds, too', () => {});
    test('it does not hold', () => { console.log('a trace'); throw new Error('as planned'); });`,
  'raft/patient.slow': "test('it takes long', () => {});",
  'raft/effort': "test('effort ' + process.env.RINGKV_TEST_EFFORT, () => {});",
  'e2e/kill': "test('a process is killed', () => {});",
};

function run(t: TestContext, ...words: readonly string[]) {
  return runIn(t, TREE, ...words);
}

function runIn(
  t: TestContext,
  tree: Readonly<Record<string, string>>,
  ...words: readonly string[]
) {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-runner-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(tree)) {
    for (const path of [`test/${name}.test.ts`, `build/test/${name}.test.js`]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), `import test from 'node:test';\n${text}\n`);
    }
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  // Inside of a test a runner would run nothing.
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    RINGKV_TEST_EFFORT: undefined,
    RINGKV_TEST_FILE_SECONDS: '5',
  };
  const options = { cwd: folder, env, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, ...words], options);
  return { status, stdout, stderr };
}

test('a file that passes takes one line, one that fails tells why and how to repeat it', (t) => {
  const { status, stdout } = run(t, 'unit');
  equal(status, 1);
  match(stdout, /^✔ test\/ring\/sound\.test\.ts: 1 test, [\d.]+ s$/m);
  match(stdout, /^✖ test\/raft\/broken\.test\.ts: 1 of 2 failed, [\d.]+ s\na trace\n/m);
  equal(stdout.split('as planned').length, 2, 'a failure is told once');
  doesNotMatch(stdout, /it holds/);
  match(stdout, /^to repeat it: node build\/test\/run\.js unit test\/raft\/broken\.test\.ts$/m);
  match(stdout, /\nunit: 4 passed, 1 failed\n$/);
});

test('a brief run leaves out what is slow, and says to the tests that it is brief', (t) => {
  const { stdout } = run(t, 'unit', '--brief', 'patient', 'effort', 'broken');
  match(stdout, /effort brief/);
  match(stdout, /run\.js unit --brief test\/raft\/broken/);
  doesNotMatch(stdout, /patient/);
  match(run(t, 'unit', 'effort').stdout, /effort full/);
});

test('parts of paths choose files, whose tests are told by name', (t) => {
  const { status, stdout } = run(t, 'unit', 'ring/', 'patient');
  equal(status, 0);
  match(stdout, /it holds/);
  match(stdout, /it takes long/);
  match(stdout, /\nunit: 2 passed, 0 failed\n$/);
});

test('tests of processes are a suite of their own', (t) => {
  const { status, stdout } = run(t, 'e2e');
  equal(status, 0);
  match(stdout, /^✔ test\/e2e\/kill\.test\.ts/m);
  match(stdout, /\ne2e: 1 passed, 0 failed\n/);
});

test('what matches no file is an error, and so is a suite that there is not', (t) => {
  const { status, stderr } = run(t, 'unit', 'nothing');
  equal(status, 1);
  match(stderr, /no test matches nothing/);
  match(run(t, 'all').stderr, /^usage/);
});

/** They share a process, and the middle one does harm. */
function harmed(harm: string): Readonly<Record<string, string>> {
  const sound = "test('it holds', () => {});";
  return { 'raft/a': sound, 'raft/b': harm, 'raft/c': sound };
}

/** The one file fails, which is said once, and those around it pass. */
function assertBlamed(stdout: string, reason: RegExp): void {
  match(stdout, /^✔ test\/raft\/a\.test\.ts: 1 test/m);
  match(stdout, /^✖ test\/raft\/b\.test\.ts/m);
  match(stdout, /^✔ test\/raft\/c\.test\.ts: 1 test/m);
  match(stdout, /^to repeat it: node build\/test\/run\.js unit test\/raft\/b\.test\.ts$/m);
  match(stdout, reason);
}

test('a file that shares its process is blamed alone if its import throws', (t) => {
  const { status, stdout } = runIn(t, harmed("throw new Error('as planned');"), 'unit');
  equal(status, 1);
  assertBlamed(stdout, /as planned/);
  match(stdout, /\nunit: 2 passed, 1 failed\n$/);
});

test('a file that ends the process is blamed, and those behind it still run', (t) => {
  const harm = "test('it goes on', () => process.exit(0));";
  const { status, stdout } = runIn(t, harmed(harm), 'unit');
  equal(status, 1);
  assertBlamed(stdout, /the process ended, or was ended, during this file/);
});

test('a file that never ends is blamed, and those behind it still run', (t) => {
  const harm = "test('it ends', () => new Promise(() => setInterval(() => {}, 1000)));";
  const { status, stdout } = runIn(t, harmed(harm), 'unit');
  equal(status, 1);
  assertBlamed(stdout, /the process ended, or was ended, during this file/);
});

test('a process that fails though its tests pass is a failure, and its files run alone', (t) => {
  const harm = "process.exitCode = 7; test('it holds', () => {});";
  const { status, stdout } = runIn(t, harmed(harm), 'unit');
  equal(status, 1);
  assertBlamed(stdout, /^✖ build\/test-groups\/0\.js/m);
  match(stdout, /^to repeat it: RINGKV_TEST_EFFORT=full node build\/test-groups\/0\.js$/m);
});

test('a file alone that ends its process early has failed, and so has one without a test', (t) => {
  const tree = {
    'raft/early': "test('one', () => {}); test('two', () => process.exit(0));",
    'raft/empty': 'void test;',
  };
  for (const name of ['early', 'empty']) {
    const { status, stdout } = runIn(t, tree, 'unit', name);
    equal(status, 1, stdout);
    match(stdout, /the process ended, or was ended, during this file/);
  }
});

test('the path of a folder means the files in it', (t) => {
  const sound = "test('it holds', () => {});";
  const { status, stdout } = runIn(t, { 'cli/a': sound, 'client/b': sound }, 'unit', 'test/cli');
  equal(status, 0);
  match(stdout, /test\/cli\/a\.test\.ts/);
  doesNotMatch(stdout, /client/);
});
