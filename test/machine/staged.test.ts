/**
 * Parallel commit: a staged transaction is committed once all parts are ready. No answer of any
 * shard may contradict that, whatever its client, its leaders and its deadlines do meanwhile.
 */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { isPreventedBy } from '../../src/machine/outcome.ts';
import type { TransactionRefusal } from '../../src/machine/transaction.ts';
import { append, checkVersion, EPOCH, put, START } from './machine-rig.ts';
import { OUTLIVED, PATIENCE, TransactionRig } from './transaction-rig.ts';

const BOTH = { versions: [2, 50] };

function staged(): TransactionRig {
  const rig = new TransactionRig();
  equal(rig.stage([put('a', 'x')]), 'done at 2');
  return rig;
}

test('a staged part holds its keys until it is decided, and is written by the decision', () => {
  const rig = staged();
  deepEqual([rig.isHeld('a'), rig.shard.value('a'), rig.decisions], [true, undefined, 0]);
  equal(rig.commit([], BOTH), 'committed at 2 50');
  deepEqual([rig.isHeld('a'), rig.shard.value('a'), rig.decisions], [false, 'x', 1]);
  equal(rig.shard.row('a')?.version, 2);
  equal(rig.abort(), 'committed at 2 50');
  equal(rig.abortPrevented(), 'committed at 2 50', 'the first decision is final');
});

test('an abort that knows of no prevented participant decides nothing', () => {
  const rig = staged();
  equal(rig.abort(), 'refused staged at 0');
  deepEqual([rig.isHeld('a'), rig.decisions], [true, 0]);
  equal(rig.commit([], BOTH), 'committed at 2 50');
});

test('an abort that does ends it', () => {
  const rig = staged();
  const because: TransactionRefusal = { type: 'check-failed', position: 1, version: 4 };
  equal(rig.abortPrevented({}, because), 'check 1 met 4');
  deepEqual([rig.isHeld('a'), rig.shard.value('a'), rig.decisions], [false, undefined, 1]);
  equal(rig.commit([], BOTH), 'check 1 met 4');
});

test('after an abort it is not staged any more', () => {
  for (const type of ['abort', 'abortPrevented'] as const) {
    const rig = new TransactionRig();
    equal(rig[type](), 'refused aborted at 0');
    equal(rig.stage([put('a', 'x')]), 'refused aborted at 0');
    equal(rig.prepared, 0);
  }
});

test('neither its deadline nor a new epoch of the shard ends it', () => {
  const rig = staged();
  rig.pass(PATIENCE + OUTLIVED);
  rig.forget();
  equal(rig.abort({ epoch: EPOCH + 1 }), 'refused staged at 0');
  equal(rig.commit([], { ...BOTH, epoch: EPOCH + 1 }), 'committed at 2 50');
  equal(rig.shard.value('a'), 'x');
});

test('an acknowledgement does not end it: its client may know that it is committed', () => {
  const rig = staged();
  rig.acknowledge();
  equal(rig.abort(), 'refused staged at 0');
  equal(rig.commit([], BOTH), 'committed at 2 50');
  deepEqual([rig.shard.value('a'), rig.decisions], ['x', 1]);
  equal(rig.abort(), 'committed at ', 'the kept decision is the answer');
  rig.clear();
  equal(rig.abort(), 'refused acknowledged at 0', 'all participants have resolved it');
});

test('a commit with a part to do at home is not the one that was staged', () => {
  const rig = staged();
  equal(rig.commit([put('a', 'y')]), 'refused staged at 0');
  equal(rig.shard.value('a'), undefined);
});

test('a resolution does not end it: only a decision of this shard does', () => {
  const rig = staged();
  rig.resolve(false);
  equal(rig.isHeld('a'), true);
  rig.resolve(true);
  deepEqual([rig.isHeld('a'), rig.shard.value('a')], [true, undefined]);
});

test('it survives a snapshot', () => {
  const rig = staged();
  rig.rebuild();
  equal(rig.abort(), 'refused staged at 0');
  equal(rig.commit([], BOTH), 'committed at 2 50');
});

test('a part that was prepared without being staged is not staged afterwards', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([put('a', 'x')], { at: 0 }), 'done at 2');
  equal(rig.stage([put('a', 'x')]), 'refused aborted at 0');
  equal(rig.stage([put('a', 'x')], { at: 1, sequence: 22 }), 'refused malformed at 0');
});

test('each staged transaction has room for its decision', () => {
  const rig = staged();
  const { decisions } = rig.shard.machine.transactions;
  const { slotsMax } = TRANSACTION_LIMITS;
  Object.defineProperty(decisions, 'size', { get: () => slotsMax - 1, configurable: true });
  equal(rig.stage([put('b', 'x')], { sequence: 22 }), 'refused window-full at 0');
  equal(rig.commit([put('c', 'x')], { sequence: 24 }), 'refused window-full at 0');
  equal(rig.commit([], BOTH), 'committed at 2 50');
});

test('a part that is prepared cannot be prevented, and tells what it told before', () => {
  const part = new TransactionRig();
  equal(part.prepare([append('b', 'xyz')]), 'done at 2, 3 bytes');
  equal(part.prevent(), 'done at 2, 3 bytes');
  part.pass(PATIENCE + 1);
  equal(part.prevent(), 'done at 2, 3 bytes', 'past its deadline as well');
  part.acknowledge();
  equal(part.prevent(), 'done at 2', 'its client has the answer');
  equal(part.isHeld('b'), true);
});

test('a part that was prevented is not prepared any more', () => {
  const part = new TransactionRig();
  equal(part.prevent(), 'refused aborted at 0');
  equal(part.prepare([put('b', 'x')]), 'refused aborted at 0');
  part.pass(PATIENCE);
  part.forget();
  equal(part.prepare([put('b', 'x')]), 'refused aborted at 0', 'until its deadline');
  part.pass(OUTLIVED);
  part.forget();
  equal(part.prepare([put('b', 'x')]), 'refused deadline-passed at 0');
  equal(part.prepared, 0);
});

test('a part whose check failed is prevented, for that reason', () => {
  const part = new TransactionRig();
  equal(part.prepare([checkVersion('b', 7), put('b', 'x')]), 'check 0 met 0');
  equal(part.prevent(), 'check 0 met 0');
});

test('past its deadline a part is prevented, and nothing is remembered for it', () => {
  const part = new TransactionRig();
  part.pass(PATIENCE + 1);
  equal(part.prevent(), 'refused deadline-passed at 0');
  equal(part.shard.session(2), undefined);
});

test('an acknowledged part is prevented until its deadline, though its client is forgotten', () => {
  const part = new TransactionRig();
  part.acknowledge(20, START + 10);
  equal(part.prevent(), 'refused aborted at 0');
  part.pass(OUTLIVED + 10);
  part.forget();
  equal(part.prepare([put('b', 'x')]), 'refused acknowledged at 0');
});

test('a part whose deadline is far ahead is prevented until then', () => {
  const part = new TransactionRig();
  const deadline = START + 2 * MACHINE_LIMITS.timeoutMillisecondsMax;
  equal(part.prepare([put('b', 'x')], { deadline }), 'refused deadline-too-far at 0');
  equal(part.prevent({ deadline }), 'refused aborted at 0');
  part.pass(MACHINE_LIMITS.timeoutMillisecondsMax);
  part.forget();
  equal(part.prepare([put('b', 'x')], { deadline }), 'refused aborted at 0');
});

test('what says nothing about a part leaves open whether it can become ready', () => {
  const prevented = (reason: 'window-full' | 'deadline-passed') => {
    return isPreventedBy({ type: 'refused', reason, position: 0 });
  };
  deepEqual([prevented('window-full'), prevented('deadline-passed')], [undefined, true]);
});

test('a shard prevents no part of another one', () => {
  const part = new TransactionRig();
  part.shard.apply({ type: 'adopt', epoch: EPOCH + 1, arc: { from: 0, to: 1000 } });
  equal(part.prevent({ position: 1000 }), 'refused wrong-epoch at 0');
  equal(part.prevent({ position: 999 }), 'refused aborted at 0');
});

test('aborts leave the room that staged transactions need for their decisions', () => {
  const rig = staged();
  const { decisions, lockTable } = rig.shard.machine.transactions;
  const before = decisions.size;
  const many = { get: () => TRANSACTION_LIMITS.slotsMax, configurable: true };
  Object.defineProperty(lockTable, 'staged', many);
  rig.abort({ sequence: 22 });
  Reflect.deleteProperty(lockTable, 'staged');
  equal(decisions.size, before, 'the abort is not kept');
  equal(rig.commit([], BOTH), 'committed at 2 50');
});
