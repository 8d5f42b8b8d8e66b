/** What expires: in time, exactly, and once. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines } from '../../src/base/deadlines.ts';
import { Random } from '../../src/base/random.ts';

test('an item expires at its deadline and not before, though others of its bucket have', () => {
  const deadlines = new Deadlines<string>();
  deadlines.add('one', 1000.5);
  deadlines.add('two', 1003);
  deadlines.add('three', 2000);
  deepEqual(deadlines.takeDue(1000), []);
  deepEqual(deadlines.takeDue(1000.5), ['one']);
  deepEqual(deadlines.takeDue(1002), []);
  deepEqual(deadlines.takeDue(3000), ['two', 'three']);
  deepEqual(deadlines.takeDue(3000), []);
});

test('a removed item does not expire', () => {
  const deadlines = new Deadlines<string>();
  deadlines.add('one', 10);
  deadlines.add('two', 10);
  deadlines.remove('one');
  deadlines.remove('never added');
  deepEqual([deadlines.has('one'), deadlines.has('two'), deadlines.size], [false, true, 1]);
  deepEqual(deadlines.takeDue(10), ['two']);
  equal(deadlines.size, 0);
});

test('expired items are returned in the order in which they were added', () => {
  const deadlines = new Deadlines<string>();
  deadlines.add('late', 500);
  deadlines.add('early', 10);
  deepEqual([...deadlines.items()], ['late', 'early']);
  deadlines.clear();
  deepEqual([[...deadlines.items()], deadlines.takeDue(1000)], [[], []]);
});

test('it agrees with a plain list, under random additions and removals', () => {
  const random = new Random(7);
  const deadlines = new Deadlines<number>();
  const model = new Map<number, number>();
  let now = 0;
  for (let item = 0; item < 5000; item++) {
    now += random.below(5);
    const deadline = now + random.below(2000);
    deadlines.add(item, deadline);
    model.set(item, deadline);
    const other = random.below(item + 1);
    if (random.below(4) === 0) {
      deadlines.remove(other);
      model.delete(other);
    }
    const due = [...model].filter(([, at]) => at <= now).map(([one]) => one);
    for (const one of due) model.delete(one);
    deepEqual(
      [...deadlines.takeDue(now)].sort((one, two) => one - two),
      due.sort((one, two) => one - two),
    );
    equal(deadlines.size, model.size);
  }
});
