/** The slots of a client: one open request in each, with growing sequences. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { SlotPool } from '../../src/client/core/sessions.ts';

const { sessionSlots } = MACHINE_LIMITS;

test('the slot that was given back last is taken first, with a greater sequence', () => {
  const pool = new SlotPool();
  deepEqual([pool.take(), pool.take(), pool.take()], [0, 1, 2]);
  pool.give(1);
  pool.give(0);
  deepEqual([pool.take(), pool.take(), pool.take()], [sessionSlots, 1 + sessionSlots, 3]);
});

test('no more slots are taken than there are, and each answer makes room', () => {
  const pool = new SlotPool();
  for (let at = 0; at < sessionSlots; at++) pool.take();
  equal(pool.hasFree, false);
  throws(() => pool.take());
  pool.give(77);
  equal(pool.hasFree, true);
  equal(pool.take(), 77 + sessionSlots);
});

test('only the latest request of a slot can be given back', () => {
  const pool = new SlotPool();
  pool.give(pool.take());
  pool.take();
  throws(() => pool.give(0));
});

test('open requests have slots of their own, in whatever order others are given back', () => {
  const random = new Random(5);
  const pool = new SlotPool();
  const open: number[] = [];
  const latest = new Map<number, number>();
  for (let step = 0; step < 20_000; step++) {
    if (open.length > 0 && random.chance(0.5)) {
      const [closed] = open.splice(random.below(open.length), 1);
      pool.give(closed as number);
    } else {
      const sequence = pool.take();
      const slot = sequence % sessionSlots;
      ok(!open.some((one) => one % sessionSlots === slot), 'the slot was free');
      ok(sequence > (latest.get(slot) ?? -1), 'its sequences grow');
      latest.set(slot, sequence);
      open.push(sequence);
    }
  }
});
