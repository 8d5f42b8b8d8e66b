/** A queue is first in, first out, and forgets what was taken. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Fifo } from '../../src/base/fifo.ts';
import { Random } from '../../src/base/random.ts';
import { heldBy } from '../support/held-memory.ts';

test('it is an array of which the front is taken', () => {
  const random = new Random(1);
  const queue = new Fifo<number>();
  let model: number[] = [];
  for (let step = 0; step < 50_000; step++) {
    if (random.chance(step % 10_000 < 6000 ? 0.6 : 0.4)) {
      queue.push(step);
      model.push(step);
    } else if (model.length > 0) {
      queue.shift();
      model.shift();
    } else if (random.chance(0.01)) {
      deepEqual(queue.takeAll(), model);
      model = [];
    }
    equal(queue.first, model[0]);
    equal(queue.isEmpty, model.length === 0);
  }
  deepEqual(queue.takeAll(), model);
  equal(queue.isEmpty, true);
});

test('what was taken is not kept, though the queue is never empty', () => {
  const queue = new Fifo<Uint8Array>();
  queue.push(new Uint8Array(1));
  const held = heldBy(() => {
    for (let count = 0; count < 900; count++) {
      queue.push(new Uint8Array(64 * 1024));
      queue.shift();
    }
  });
  ok(held < 4 * 1024 * 1024, `${held} bytes are kept`);
  equal(queue.isEmpty, false);
});
