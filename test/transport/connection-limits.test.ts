/** A flood of one kind of sockets shuts out its own kind alone. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionLimits } from '../../src/transport/connection-limits.ts';

class Raw {
  isCut = false;

  destroy(): void {
    this.isCut = true;
  }
}

test('of idle sockets the oldest is closed, and sockets with an upgrade request are not', () => {
  const crowd = new ConnectionLimits<Raw>({ clientsMax: 5, plainMax: 3 });
  const raws = Array.from({ length: 6 }, () => new Raw());
  const cut = () => raws.map(({ isCut }) => isCut);
  for (const raw of raws.slice(0, 3)) crowd.arrive(raw);
  crowd.knock(raws[0] as Raw);
  crowd.arrive(raws[3] as Raw);
  deepEqual(cut(), Array(6).fill(false));
  crowd.arrive(raws[4] as Raw);
  deepEqual(cut(), [false, true, false, false, false, false]);
  crowd.leave(raws[2] as Raw);
  crowd.arrive(raws[5] as Raw);
  deepEqual(cut(), [false, true, false, false, false, false], 'there is room again');
});

test('the number of clients is bounded, and one that leaves frees one place', () => {
  const crowd = new ConnectionLimits<Raw>({ clientsMax: 2, plainMax: 3 });
  const leave = crowd.enter();
  crowd.enter();
  equal(crowd.isFull, true);
  leave();
  leave();
  deepEqual([crowd.isFull, crowd.clients], [false, 1]);
});
