/** Which requests wait at a shard for a key that a transaction holds, and which yield. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Prepared } from '../../src/machine/lock-table.ts';
import type { Requester } from '../../src/shard/proposals.ts';
import { contender, Rig } from './proposal-queue-rig.ts';

test('without locks all commands pass, in the order of arrival', () => {
  const rig = new Rig();
  rig.add('one', ['x'], { by: contender(9) });
  rig.add('two', ['x']);
  deepEqual(rig.take(), ['one', 'two']);
  deepEqual(rig.take(), []);
});

test('a transaction waits for a younger holder and preempts it', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.add('elder', ['w', 'x'], { by: contender(5) });
  rig.add('other', ['y'], { by: contender(9) });
  deepEqual(rig.take(), ['other']);
  deepEqual(rig.met, ['8 pressed']);
  deepEqual(rig.refused, []);
  rig.release('x');
  deepEqual(rig.take(), ['elder']);
});

test('a transaction yields to an older holder, and learns which key it was', () => {
  const rig = new Rig();
  rig.hold('x', contender(3));
  rig.add('younger', ['w', 'x'], { by: contender(5) });
  deepEqual(rig.take(), []);
  const [reply] = rig.refused;
  ok(reply?.type === 'locked' && reply.position === 1 && reply.holder.age === 3);
  deepEqual([rig.met, rig.queue.size], [[], 0]);
});

test('at the same age the id decides', () => {
  const rig = new Rig();
  rig.hold('x', contender(6, 5));
  rig.add('first', ['x'], { by: contender(4, 5) });
  rig.add('last', ['x'], { by: contender(7, 5) });
  deepEqual(rig.take(), []);
  equal(rig.refused.length, 1);
  rig.release('x');
  deepEqual(rig.take(), ['first']);
});

test('a request that holds no locks waits for any holder, and preempts none', () => {
  const rig = new Rig();
  rig.hold('x', contender(3));
  rig.add('plain', ['x']);
  deepEqual(rig.take(), []);
  deepEqual(rig.met, ['3']);
  rig.release('x');
  deepEqual(rig.take(), ['plain']);
});

test('a command waits as a whole for one of its keys', () => {
  const rig = new Rig();
  rig.hold('z', contender(3));
  rig.add('plain', ['x', 'y', 'z']);
  deepEqual(rig.take(), []);
});

test('a batch waits only if all of its commands meet a held key', () => {
  const rig = new Rig();
  rig.hold('y', contender(3));
  rig.hold('z', contender(4));
  rig.addBatch('some', [['z'], ['x'], ['y']]);
  rig.addBatch('all', [['z'], ['x', 'y']]);
  deepEqual(rig.take(), ['some']);
  deepEqual(rig.met, ['4'], 'the holder of its first key');
  rig.release('y');
  deepEqual(rig.take(), ['all']);
});

test('a range check is not evaluated here, so it waits for no holder', () => {
  const rig = new Rig();
  rig.hold('x', contender(3));
  const check = { type: 'check-range', key: Buffer.from('x'), to: Buffer.from('z') } as const;
  const command = [{ ...check, count: 0, seenAt: 0 }];
  const checking = {
    requester: {} as Requester,
    bytes: 1,
    payload: () => new Uint8Array(),
    touch: () => ({ commands: [command], contender: contender(5) }),
    ends: [],
    hasHurry: true,
  };
  rig.queue.add(checking, rig);
  equal(rig.queue.take(rig).passing.length, 1);
});

test('its own prepare, repeated, passes the keys that it holds itself', () => {
  const rig = new Rig();
  rig.hold('x', contender(5));
  rig.add('again', ['x'], { by: contender(5) });
  deepEqual(rig.take(), ['again']);
});

test('after a wake plain writes go first, and then transactions by priority', () => {
  const rig = new Rig();
  rig.hold('x', contender(90));
  rig.add('plain one', ['x']);
  rig.add('younger', ['x'], { by: contender(7) });
  rig.add('plain two', ['x']);
  rig.add('elder', ['x'], { by: contender(2) });
  rig.take();
  rig.add('new', ['y']);
  rig.release('x');
  deepEqual(rig.take(), ['plain one', 'plain two', 'elder', 'younger', 'new']);
});

test('requests that are woken in vain keep waiting', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.add('elder', ['x', 'y'], { by: contender(5) });
  rig.take();
  rig.release('x');
  deepEqual(rig.take(), []);
  deepEqual(rig.met, ['8 pressed', '9 pressed']);
});

test('only requests that waited for a holder are retried when it releases its locks', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  for (let at = 0; at < 100; at++) rig.add('crowd', ['x']);
  rig.add('plain', ['y']);
  rig.take();
  rig.looks = 0;
  rig.release('y');
  deepEqual(rig.take(), ['plain']);
  equal(rig.looks, 1);
});

test('a batch waits for the holders of all of its commands, and is woken once', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.addBatch('batch', [['x'], ['y']]);
  rig.take();
  rig.release('y', 'x');
  deepEqual(rig.take(), ['batch']);
  deepEqual([rig.queue.size, rig.take()], [0, []]);
});

test('commands that waited for several holders keep their order', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.add('younger', ['x'], { by: contender(5) });
  rig.add('one', ['x']);
  rig.add('two', ['y']);
  rig.add('elder', ['y'], { by: contender(4) });
  rig.take();
  rig.release('y', 'x');
  deepEqual(rig.take(), ['one', 'two', 'elder', 'younger']);
});

test('after the state was replaced all waiting requests are retried', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.add('one', ['x']);
  rig.add('two', ['y']);
  rig.take();
  rig.hold('x', contender(7));
  rig.queue.wake('all', rig.lockTable);
  deepEqual(rig.take(), []);
  rig.release('x', 'y');
  deepEqual(rig.take(), ['one', 'two']);
});

test('no command waits longer than the limit', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.add('first', ['x']);
  rig.take();
  rig.now = TRANSACTION_LIMITS.waitMilliseconds - 1;
  rig.add('second', ['x']);
  rig.take();
  deepEqual(rig.names(rig.queue.takeLate(rig.now)), []);
  rig.now += 1;
  deepEqual(rig.names(rig.queue.takeLate(rig.now)), ['first']);
  rig.release('x');
  deepEqual(rig.take(), ['second']);
});

test('the deadline of a request that is woken in vain does not move', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.add('plain', ['x', 'y']);
  rig.take();
  rig.now = TRANSACTION_LIMITS.waitMilliseconds - 1;
  rig.release('x');
  deepEqual(rig.take(), []);
  rig.now += 1;
  deepEqual(rig.names(rig.queue.takeLate(rig.now)), ['plain']);
});

test('the number of waiting commands is bounded, and a further one is refused', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  for (let at = 0; at <= TRANSACTION_LIMITS.waitersMax; at++) rig.add('plain', ['x']);
  rig.take();
  deepEqual(rig.failed, ['overloaded']);
  equal(rig.queue.size, TRANSACTION_LIMITS.waitersMax);
});

test('commands that wait for a lock do not block the entry that releases it', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  const bytes = NODE_LIMITS.writesBytesMax / 2;
  for (const name of ['one', 'two', 'three']) {
    ok(rig.add(name, ['x'], { bytes }), name);
    rig.take();
  }
  deepEqual(rig.failed, ['overloaded'], 'the third has no room to wait');
  ok(rig.add('plain', ['y']));
  ok(rig.add('resolution', [], { ends: contender(8) }));
  deepEqual(rig.take(), ['plain', 'resolution']);
});

test('retried commands have a budget of their own, and block no others', () => {
  const rig = new Rig();
  const bytes = NODE_LIMITS.writesBytesMax;
  rig.hold('x', contender(8));
  rig.hold('y', contender(9));
  rig.add('waiting', ['x', 'y'], { bytes });
  rig.take();
  rig.release('x');
  ok(rig.add('resolution', [], { ends: contender(9), bytes }));
  equal(rig.add('more', ['z']), false);
  deepEqual(rig.take(), ['resolution']);
  ok(rig.add('more', ['z']));
});

test('a request that went on, or expired, leaves its room to others', () => {
  const rig = new Rig();
  const bytes = NODE_LIMITS.writesBytesMax / 2;
  rig.hold('x', contender(8));
  rig.add('passes', ['x'], { bytes });
  rig.take();
  rig.release('x');
  deepEqual(rig.take(), ['passes']);
  rig.hold('x', contender(9));
  rig.add('late', ['x'], { bytes });
  rig.take();
  rig.now += TRANSACTION_LIMITS.waitMilliseconds;
  deepEqual(rig.names(rig.queue.takeLate(rig.now)), ['late']);
  for (const name of ['next', 'last']) {
    rig.add(name, ['x'], { bytes });
    deepEqual([rig.take(), rig.failed], [[], []], name);
  }
  rig.release('x');
  deepEqual(rig.take(), ['next', 'last'], 'and what was sent away is not woken any more');
});

test('a single command is accepted whatever its size', () => {
  const rig = new Rig();
  ok(rig.add('large', ['x'], { bytes: NODE_LIMITS.writesBytesMax + 1 }));
  equal(rig.add('small', ['y']), false);
});

test('a deferred entry is proposed with a command that waits for its locks, and no other', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.add('resolution', [], { ends: contender(8), hasHurry: false });
  equal(rig.queue.hasGathered, false);
  rig.add('plain', ['y']);
  deepEqual(rig.take(), ['plain']);
  rig.add('waiting', ['x']);
  deepEqual(rig.take(), ['resolution']);
  rig.release('x');
  deepEqual(rig.take(), ['waiting']);
});

test('a deferred entry is proposed once a read waits for its locks', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.add('second', [], { ends: contender(8), hasHurry: false });
  equal(rig.queue.hasGathered, false);
  ok(rig.queue.releaseEndOf(rig.lockTable.holderOf(Buffer.from('x')) as Prepared));
  equal(rig.queue.hasGathered, true);
});

test('deferred entries are proposed at once when they are many', () => {
  const rig = new Rig();
  for (let at = 1; at < TRANSACTION_LIMITS.deferredMax; at++) {
    rig.add(`resolution ${at}`, [], { hasHurry: false });
  }
  deepEqual([rig.queue.hasGathered, rig.take()], [false, []]);
  rig.add('last', [], { hasHurry: false });
  equal(rig.take().length, TRANSACTION_LIMITS.deferredMax);
});

test('all requests wait for a holder whose decision is on its way, and ask nothing', () => {
  const rig = new Rig();
  rig.hold('x', contender(3));
  rig.add('resolution', [], { ends: contender(3) });
  rig.add('younger', ['x'], { by: contender(5) });
  deepEqual(rig.take(), ['resolution']);
  deepEqual([rig.refused, rig.met], [[], []]);
  rig.release('x');
  deepEqual(rig.take(), ['younger']);
});

test('a resolution that could not be proposed is requested again', () => {
  const rig = new Rig();
  rig.hold('x', contender(3));
  rig.add('resolution', [], { ends: contender(3) });
  const [resolution] = rig.queue.take(rig).passing;
  ok(resolution !== undefined);
  rig.queue.drop(resolution);
  rig.add('plain', ['x']);
  rig.take();
  deepEqual([rig.met, rig.queue.hasGathered], [['3'], false]);
});

test('the resolution of a transaction that holds nothing here is not remembered', () => {
  const rig = new Rig();
  rig.add('tombstone', [], { ends: contender(3) });
  rig.take();
  rig.hold('x', contender(3));
  rig.add('plain', ['x']);
  rig.take();
  deepEqual(rig.met, ['3'], 'it was prepared after all, and has to be asked for');
});

test('with the loss of leadership everything leaves the queue', () => {
  const rig = new Rig();
  rig.hold('x', contender(8));
  rig.add('waiting', ['x']);
  rig.take();
  rig.add('gathered', ['y']);
  rig.add('unhurried', ['z'], { hasHurry: false });
  deepEqual(rig.names(rig.queue.takeAll()), ['gathered', 'unhurried', 'waiting']);
  equal(rig.queue.size, 0);
});
