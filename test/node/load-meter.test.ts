/** The load of a node by the processor time of its process. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { Load } from '../../src/catalog/leader-choice.ts';
import { LoadMeter } from '../../src/node/load-meter.ts';

const WINDOW = NODE_LIMITS.loadWindowMilliseconds;

/** The level after each window, of which the node used these shares of a core. */
function levelsOf(shares: readonly number[], { ticks = 100 } = {}): Load[] {
  let used = 12_345;
  let now = 777;
  const meter = new LoadMeter(() => used, now);
  return shares.map((share) => {
    for (let tick = 0; tick < ticks; tick++) {
      now += WINDOW / ticks;
      used += (share * WINDOW) / ticks;
      meter.tick(now);
    }
    return meter.level;
  });
}

test('a node that has just started is idle', () => {
  equal(new LoadMeter(() => 90_000, 5).level, 'idle');
});

test('a single busy window is no reason to spread', () => {
  equal(levelsOf([0.1, 1.2, 0.1]).join(), 'idle,working,working');
  equal(levelsOf([0.1, 1.2, 0.9]).join(), 'idle,working,busy');
});

test('a single quiet window is no reason to gather', () => {
  equal(levelsOf([0.5, 0.5, 0.1, 0.1]).join(), 'working,working,working,idle');
});

test('time that a late tick covers counts once', () => {
  equal(levelsOf([0.9, 0.9], { ticks: 1 }).join(), 'working,busy');
  equal(levelsOf([0.3, 0.3], { ticks: 1 }).join(), 'idle,idle');
});
