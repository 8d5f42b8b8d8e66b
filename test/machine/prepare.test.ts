/** How a part of a transaction becomes ready, one sentence of the README at a time. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import {
  append,
  bytesOf,
  checkPresence,
  checkVersion,
  compute,
  EPOCH,
  get,
  put,
  putBytes,
  remove,
  START,
} from './machine-rig.ts';
import { OUTLIVED, PATIENCE, TransactionRig } from './transaction-rig.ts';

const { timeoutMillisecondsMax } = MACHINE_LIMITS;

test('a prepared part is not applied, and its keys are locked', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'one'));
  equal(rig.prepare([put('a', 'two'), remove('b')]), 'done at 3, was not there');
  equal(rig.shard.value('a'), 'one');
  equal(rig.isHeld('a') && rig.isHeld('b'), true);
  equal(rig.isHeld('c'), false);
});

test('reads lock their keys, and checks of a version do not', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'one'));
  rig.do(put('b', 'two'));
  equal(rig.prepare([get('a'), checkVersion('b', 3)]), 'done at 4, one@2');
  deepEqual([rig.isHeld('a'), rig.isHeld('b')], [true, false]);
});

test('an absence that ends and begins again leaves no trace, so it is locked', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([checkVersion('a', 0), checkPresence('b', false)]), 'done at 2');
  deepEqual([rig.isHeld('a'), rig.isHeld('b')], [true, true]);
  rig.resolve(true);
  deepEqual([rig.isHeld('a'), rig.shard.value('a')], [false, undefined]);
});

test('outputs are returned before the decision, as of the entry that prepares', () => {
  const rig = new TransactionRig();
  rig.do(putBytes('n', 5));
  rig.do(put('s', 'ab'));
  const operations = [get('s'), compute('add', 'n', 3n), append('t', 'xyz'), remove('s')];
  equal(rig.prepare(operations), 'done at 4, ab@3, 8, 3 bytes, was there');
  equal(rig.shard.value('s'), 'ab');
});

test('a repeated prepare is answered as the first one, and takes no second row', () => {
  const rig = new TransactionRig();
  const operations = [compute('add', 'n', 1n)];
  equal(rig.prepare(operations), 'done at 2, 1');
  rig.pass(5);
  equal(rig.prepare(operations), 'done at 2, 1');
  equal(rig.prepared, 1);
  equal(rig.shard.rows.in(SECTION.prepared).length, 2);
});

test('a check that fails is remembered, though it would hold now', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([get('b'), checkVersion('a', 4)]), 'check 1 met 0');
  rig.do(put('z', 'x'));
  rig.do(put('a', 'x'));
  equal(rig.prepare([get('b'), checkVersion('a', 4)]), 'check 1 met 0');
  equal(rig.isHeld('b'), false);
});

test('a refusal by the data is remembered, and nothing is locked', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'no number'));
  equal(rig.prepare([put('b', 'x'), compute('add', 'a', 1n)]), 'refused not-a-number at 1');
  rig.do(remove('a'));
  equal(rig.prepare([put('b', 'x'), compute('add', 'a', 1n)]), 'refused not-a-number at 1');
  equal(rig.prepare([put('b', 'x'), put('b', 'y')], { sequence: 22 }), 'refused key-twice at 1');
  equal(rig.prepared, 0);
});

test('a key that another transaction holds is not locked, and that is not remembered', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')], { sequence: 20 });
  const late = { sequence: 22 };
  for (const operation of [put('a', 'y'), get('a'), checkVersion('a', 0)]) {
    equal(rig.prepare([put('b', 'y'), operation], late), 'locked at 1 by 20');
  }
  equal(rig.isHeld('b'), false);
  rig.resolve(false, { sequence: 20 });
  equal(rig.prepare([put('b', 'y'), put('a', 'y')], late), 'done at 7');
});

test('a prepare past its deadline is refused, and at its deadline it is not', () => {
  const rig = new TransactionRig();
  rig.pass(100);
  equal(rig.prepare([put('a', 'x')], { deadline: START + 100 }), 'done at 2');
  const late = { sequence: 22, deadline: START + 99 };
  equal(rig.prepare([put('b', 'x')], late), 'refused deadline-passed at 0');
  equal(rig.prepared, 1);
});

test('past its deadline it is refused, though it is remembered and holds its keys', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')], { deadline: START + 100 });
  rig.pass(101);
  const again = rig.prepare([put('a', 'x')], { deadline: START + 100 });
  equal(again, 'refused deadline-passed at 0');
  equal(rig.isHeld('a'), true);
});

test('a deadline further ahead than the maximum is refused', () => {
  const rig = new TransactionRig();
  const furthest = START + timeoutMillisecondsMax;
  const tooFar = { deadline: furthest + 1 };
  equal(rig.prepare([put('a', 'x')], tooFar), 'refused deadline-too-far at 0');
  equal(rig.shard.session(2), undefined);
  equal(rig.prepare([put('a', 'x')], { deadline: furthest }), 'done at 3');
  equal(rig.shard.session(2)?.deadlineMax, furthest);
});

test('the epoch is compared when it is applied', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([put('a', 'x')], { epoch: EPOCH - 1 }), 'refused wrong-epoch at 0');
  equal(rig.prepare([put('a', 'x')], { epoch: EPOCH + 1 }), 'refused wrong-epoch at 0');
  equal(rig.prepared, 0);
  equal(rig.prepare([put('a', 'x')]), 'done at 4');
});

test('an acknowledged prepare is refused, whether it was done or not', () => {
  const rig = new TransactionRig();
  rig.acknowledge(20);
  equal(rig.prepare([put('a', 'x')]), 'refused acknowledged at 0');
  equal(rig.prepare([put('a', 'x')], { sequence: 22 }), 'done at 4');
  rig.acknowledge(22);
  equal(rig.prepare([put('a', 'x')], { sequence: 22 }), 'refused acknowledged at 0');
  equal(rig.isHeld('a'), true);
});

test('an acknowledged prepare is refused for as long as a copy of it may come', () => {
  const rig = new TransactionRig();
  rig.acknowledge(20, START + 10);
  equal(rig.prepare([put('a', 'x')]), 'refused acknowledged at 0');
  rig.pass(OUTLIVED + 10);
  rig.forget();
  equal(rig.prepare([put('a', 'x')]), 'refused acknowledged at 0');
});

test('a part that is acknowledged before its transaction is decided keeps its keys', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')]);
  rig.acknowledge();
  equal(rig.isHeld('a'), true);
  rig.resolve(true);
  deepEqual(rig.shard.row('a'), { version: 2, expiresAt: 0, value: bytesOf('x') });
});

test('a part keeps its keys when its client is forgotten', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')]);
  rig.pass(PATIENCE + 1);
  rig.forget();
  equal(rig.shard.session(2), undefined);
  equal(rig.isHeld('a'), true);
  rig.resolve(true);
  equal(rig.shard.value('a'), 'x');
});

test('done is returned only for a part that holds its keys', () => {
  for (const isCommitted of [true, false]) {
    const rig = new TransactionRig();
    equal(rig.prepare([put('a', 'x')]), 'done at 2');
    rig.resolve(isCommitted);
    equal(rig.prepare([put('a', 'x')]), 'refused aborted at 0');
    equal(rig.prepared, 0);
  }
});

test('a sequence that the client used for something else prepares nothing', () => {
  const rig = new TransactionRig();
  rig.shard.ask([[put('a', 'x')], [put('c', 'x')]], { client: 2, sequence: 20 });
  equal(rig.prepare([put('b', 'x')]), 'refused aborted at 0');
  equal(rig.prepared, 0);
});

test('the home shard prepares nothing of what it has decided', () => {
  const home = { at: 0 };
  const rig = new TransactionRig();
  rig.abort();
  equal(rig.prepare([put('a', 'x')], home), 'refused aborted at 0');
  equal(rig.commit([put('a', 'x')], { sequence: 22 }), 'committed at 4 900');
  equal(rig.prepare([put('a', 'x')], { ...home, sequence: 22 }), 'refused aborted at 0');
  rig.acknowledge(24);
  equal(rig.prepare([put('a', 'x')], { ...home, sequence: 24 }), 'refused acknowledged at 0');
  equal(rig.prepared, 0);
});

test('the reads of a part are bounded', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'x'.repeat(10_000)));
  rig.do(put('b', 'x'.repeat(10_000)));
  equal(rig.prepare([get('a'), get('b')]), 'refused result-too-large at 1');
  equal(rig.prepare([get('a'), put('b', '')], { sequence: 22 }).length > 10_000, true);
});

test('a part without locks is malformed', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([checkVersion('a', 7)]), 'refused malformed at 0');
  equal(rig.shard.session(2), undefined);
});

test('a range check is not evaluated in the log', () => {
  const rig = new TransactionRig();
  rig.do(put('m', 'x'));
  const range = { type: 'check-range', key: bytesOf('a'), to: bytesOf('z') } as const;
  equal(rig.prepare([{ ...range, count: 7, seenAt: 0 }, put('a', 'x')]), 'done at 3');
  equal(rig.isHeld('m'), false);
});
