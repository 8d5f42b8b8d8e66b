/** The faults of a run depend on the seed alone. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../../src/base/random.ts';
import { chooseFaults } from './faults/all.ts';
import type { Ground } from './ground.ts';
import { drawSchedule, nameOf, type Slot } from './schedule.ts';

const GROUND: Ground = {
  switchProgram: 'switch',
  shim: 'shim',
  hasMounts: true,
  hasShares: true,
  missing: [],
};
const SLOTS = 200;

function slots(seed: number, only: readonly string[] = []): Slot[] {
  const { faults } = chooseFaults(only, GROUND, 3);
  const drawn = drawSchedule(faults, new Random(seed).fork('schedule'));
  return Array.from({ length: SLOTS }, () => drawn.next().value);
}

function texts(of: readonly Slot[]): string[] {
  return of.map((slot) => `${nameOf(slot)} ${slot.milliseconds} ${slot.seeds.join()}`);
}

test('the same seed draws the same faults, another one draws others', () => {
  assert.deepEqual(texts(slots(7)), texts(slots(7)));
  assert.notDeepEqual(texts(slots(7)), texts(slots(8)));
});

test('every fault is drawn before any is drawn twice', () => {
  const { faults } = chooseFaults([], GROUND, 3);
  const drawn = slots(3).flatMap((slot) => slot.faults.map(({ name }) => name));
  assert.equal(new Set(drawn.slice(0, faults.length)).size, faults.length);
});

test('a fault that takes a copy of the data is injected alone', () => {
  const all = slots(5);
  const grave = all.filter((slot) => slot.faults.some(({ isGrave }) => isGrave));
  assert.ok(grave.length > 0);
  assert.ok(grave.every((slot) => slot.faults.length === 1));
  assert.ok(all.some((slot) => slot.faults.length === 2));
});

test('a word chooses a family or a part of a name', () => {
  const names = (only: readonly string[]) =>
    chooseFaults(only, GROUND, 3).faults.map(({ name }) => name);
  assert.deepEqual(names(['kill-leader']), ['kill-leader']);
  assert.deepEqual(names(['clock']), ['clock-jump', 'clock-strobe']);
  assert.ok(names(['kill']).length > 2 && names(['kill']).every((name) => name.includes('kill')));
});

test('a fault that the environment does not permit is reported', () => {
  const bare = { ...GROUND, switchProgram: undefined };
  const { faults, impossible } = chooseFaults(['network', 'kill-one'], bare, 3);
  assert.deepEqual(
    faults.map(({ name }) => name),
    ['kill-one'],
  );
  assert.ok(impossible.includes('halves'));
});
