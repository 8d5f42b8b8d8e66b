/** Every patch still has its place in the product, and none of them is in it. */

import { doesNotThrow, equal, ok, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PROFILES } from '../sim/profiles.ts';
import { type Bug, compiledPath, plant } from './bug.ts';
import { BUGS } from './bugs.ts';

const EXAMPLE: Bug = {
  name: 'example',
  sentence: '',
  trap: '',
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

test('every bug has a name of its own', () => {
  equal(new Set(BUGS.map(({ name }) => name)).size, BUGS.length);
});

test('every bug is looked for in profiles that exist', () => {
  for (const { name, profiles } of BUGS) {
    ok(profiles.length > 0, name);
    for (const profile of profiles) ok(PROFILES[profile] !== undefined, `${name}: ${profile}`);
  }
});

test('a few bugs are fast', () => {
  ok(BUGS.filter(({ isFast }) => isFast).length >= 8);
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
