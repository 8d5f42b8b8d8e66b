/** Every patch still matches its place in the product, and none of them is in it. */

import { deepEqual, doesNotThrow, equal, ok, throws } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLUSTER_PROFILES } from '../cluster/profile.ts';
import { PROFILES } from '../sim/profiles.ts';
import { type Bug, compiledPath, plant } from './bug.ts';
import { BUGS } from './bugs.ts';
import { NAMES_FOUND_BY_SEEDS } from './found-by-seeds.ts';
import { roomOf } from './rooms.ts';
import { runChild } from './run-child.ts';
import { huntByTests, suitesFor } from './unit-suites.ts';

/** Of whole clusters. */

const EXAMPLE: Bug = {
  name: 'example',
  sentence: '',
  file: 'src/example.ts',
  find: 'if (a) return b;',
  replace: '',
  profiles: [],
  isFast: false,
};

for (const bug of BUGS) {
  test(`${bug.name} can be planted: ${bug.sentence}`, () => {
    const text = readFileSync(`.${compiledPath(bug)}`, 'utf8');
    doesNotThrow(() => plant(bug, text));
  });
}

test('with each bug in it a module still parses', () => {
  const program = fileURLToPath(new URL('./parse-child.js', import.meta.url));
  const words = ['--experimental-vm-modules', '--no-warnings', program];
  equal(execFileSync(process.execPath, words, { encoding: 'utf8' }), '');
});

test('every bug has a name of its own', () => {
  equal(new Set(BUGS.map(({ name }) => name)).size, BUGS.length);
});

test('every bug that seeds are said to find exists', () => {
  const names = new Set(BUGS.map(({ name }) => name));
  deepEqual(
    NAMES_FOUND_BY_SEEDS.filter((name) => !names.has(name)),
    [],
  );
});

test('every bug names the profiles or unit tests that should find it, and they exist', () => {
  for (const bug of BUGS) {
    const { name, profiles, tests = [] } = bug;
    ok(profiles.length + tests.length > 0, name);
    ok(suitesFor(bug).length >= tests.length, name);
    const isCluster = roomOf(bug).oracles.includes('cluster-seeds');
    for (const profile of profiles) {
      ok(
        isCluster
          ? CLUSTER_PROFILES.some((one) => one === profile)
          : PROFILES[profile] !== undefined,
        `${name}: ${profile}`,
      );
    }
  }
});

test('every room with bugs has a few fast ones', () => {
  for (const room of ['src/raft/', 'src/storage/', 'src/machine/']) {
    const bugs = BUGS.filter(({ file, isFast }) => isFast && file.startsWith(room));
    ok(bugs.length >= 8, room);
  }
});

test('the unit tests that a bug names come first, then all others of its room', () => {
  const bug = { ...EXAMPLE, file: 'src/storage/log/log.ts', tests: ['state-store', 'log-crash'] };
  const suites = suitesFor(bug);
  const [first, second, third] = suites;
  equal(first, 'test/storage/state-store.test.ts');
  equal(second, 'test/storage/log-crash.test.ts');
  equal(third, 'test/storage/append-folder.test.ts');
  equal(new Set(suites).size, suites.length);
  ok(suites.length > 10);
});

test('a bug that names a missing test, or is in no room, is an error', () => {
  throws(() => suitesFor({ ...EXAMPLE, file: 'src/storage/log/log.ts', tests: ['none'] }), /none/);
  throws(() => roomOf(EXAMPLE), /no room/);
});

test('for a storage bug the unit tests run before the simulator', () => {
  equal(roomOf({ ...EXAMPLE, file: 'src/storage/log/log.ts' }).oracles[0], 'unit-tests');
  equal(roomOf({ ...EXAMPLE, file: 'src/raft/log.ts' }).oracles[0], 'early-seeds');
});

test('a failed unit test is a finding only if the sound product passes it', async () => {
  const bug = BUGS.find(({ name }) => name === 'vote-right-returns');
  ok(bug !== undefined);
  const { caught } = await huntByTests(bug);
  ok(caught?.startsWith('unit test: log-faults: a vote whose record'), caught);
  const task = { oracle: 'unit-tests', profiles: [], seedFirst: 1, seedLast: 1 } as const;
  const tests = 'test/storage/log-faults.test.ts';
  equal((await runChild({ ...task, bug: undefined, tests })).caught, undefined);
});

test('white space makes no difference to where a bug is planted', () => {
  equal(plant(EXAMPLE, 'x\nif (a)\n        return b;\ny'), 'x\n\ny');
});

test('a bug without its place is not planted', () => {
  throws(() => plant(EXAMPLE, 'if (a) return c;'));
});

test('a bug with two places is not planted', () => {
  throws(() => plant(EXAMPLE, 'if (a) return b; if (a) return b;'));
});

test('a bug that changes nothing is not planted', () => {
  throws(() => plant({ ...EXAMPLE, replace: EXAMPLE.find }, EXAMPLE.find));
});
