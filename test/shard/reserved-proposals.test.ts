/** Which commands wait at a shard for a reserved key, and for how long. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { contender, RESERVER, Rig } from './proposal-queue-rig.ts';

/** Keys as bytes. */
function keysOf(...keys: readonly string[]): readonly Uint8Array[] {
  return keys.map((key) => Buffer.from(key));
}

test('a command waits for a reserved key, and continues when it is released', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.add('plain', ['x']);
  rig.add('other', ['y']);
  deepEqual(rig.take(), ['other']);
  deepEqual([rig.met, rig.queue.hasGathered], [[], false]);
  rig.queue.release(RESERVER, keysOf('x'));
  equal(rig.queue.hasGathered, true);
  deepEqual(rig.take(), ['plain']);
});

test('a batch waits as a whole for a reserved key, because proposed commands pass', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.addBatch('batch', [['w'], ['x']]);
  deepEqual(rig.take(), []);
});

test('after its time a waiting command continues, and is blocked by no other reservation', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.add('first', ['x']);
  rig.take();
  rig.now = TRANSACTION_LIMITS.reservedMilliseconds;
  deepEqual(rig.queue.takeLate(rig.now), []);
  equal(rig.queue.hasGathered, true);
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.add('second', ['x']);
  deepEqual(rig.take(), ['first']);
});

test('the transaction itself passes, and its last write releases the others', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x', 'y'), rig.now);
  rig.add('plain', ['x']);
  rig.add('prepare', ['x'], { by: RESERVER });
  deepEqual(rig.take(), ['prepare']);
  deepEqual(rig.take(), []);
  rig.add('decision', ['x'], { by: RESERVER, isLast: true });
  deepEqual(rig.take(), ['decision']);
  deepEqual(rig.take(), ['plain']);
});

test('a resolution releases the locks and the reservations of the transaction', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x', 'y'), rig.now);
  rig.hold('x', RESERVER);
  rig.add('plain', ['x']);
  rig.add('other', ['y']);
  deepEqual(rig.take(), []);
  rig.release('x');
  deepEqual(rig.take(), ['plain']);
});

test('a transaction without priority is refused, and one with priority is not', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.add('younger', ['w', 'x'], { by: contender(5) });
  rig.add('elder', ['x'], { by: contender(6, 6, 2 * TRANSACTION_LIMITS.attemptsAlone) });
  deepEqual(rig.take(), ['elder']);
  const [reply] = rig.refused;
  ok(reply?.type === 'locked' && reply.position === 1 && reply.holder.age === 1);
});

test('with the loss of leadership reservations are gone', () => {
  const rig = new Rig();
  rig.queue.reserve(RESERVER, keysOf('x'), rig.now);
  rig.add('plain', ['x']);
  rig.take();
  deepEqual(rig.names(rig.queue.takeAll()), ['plain']);
  rig.add('next', ['x']);
  deepEqual(rig.take(), ['next']);
});
