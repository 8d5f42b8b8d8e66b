/** What becomes of a transaction: the first decision wins for ever. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Output } from '../../src/machine/reply.ts';
import { SECTION } from '../../src/machine/section.ts';
import type { TransactionRefusal } from '../../src/machine/transaction.ts';
import {
  bytesOf,
  checkVersion,
  compute,
  EPOCH,
  get,
  put,
  putBytes,
  remove,
  START,
} from './machine-rig.ts';
import { HOME, OUTLIVED, PATIENCE, TransactionRig } from './transaction-rig.ts';

const { timeoutMillisecondsMax, resultBytesMax } = MACHINE_LIMITS;

test('the home shard does its part in the entry that decides, and needs no lock', () => {
  const rig = new TransactionRig();
  rig.do(putBytes('n', 5));
  const vote = { participants: 3, versions: [70, 80] };
  const operations = [checkVersion('n', 2), compute('add', 'n', 1n), remove('m')];
  const outputs: Output[] = [{ type: 'appended', length: 9 }];
  const reply = rig.commit(operations, { ...vote, outputs });
  equal(reply, 'committed at 3 70 80, 6, was not there, 9 bytes');
  equal(rig.shard.row('n')?.version, 3);
  equal(rig.prepared, 0);
  equal(rig.decisions, 1);
});

test('a check that fails in the entry that decides is the decision', () => {
  const rig = new TransactionRig();
  equal(rig.commit([put('b', 'x'), checkVersion('a', 4)]), 'check 1 met 0');
  rig.do(put('z', 'x'));
  rig.do(put('a', 'x'));
  equal(rig.commit([put('b', 'x'), checkVersion('a', 4)]), 'check 1 met 0');
  equal(rig.shard.value('b'), undefined);
  const [decision] = [...rig.shard.machine.transactions.decisions.all()];
  equal(decision?.isCommitted, false);
});

test('a refusal by the data in the entry that decides is the decision', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'no number'));
  equal(rig.commit([put('b', 'x'), compute('add', 'a', 1n)]), 'refused not-a-number at 1');
  equal(rig.abort(), 'refused not-a-number at 1');
  equal(rig.shard.value('b'), undefined);
});

test('a key that another transaction holds decides nothing', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')], { sequence: 10 });
  const late = { sequence: 22 };
  equal(rig.commit([put('b', 'y'), put('a', 'y')], late), 'locked at 1 by 10');
  equal(rig.shard.value('b'), undefined);
  equal(rig.decisions, 0);
  rig.resolve(false, { sequence: 10 });
  equal(rig.commit([put('b', 'y'), put('a', 'y')], late), 'committed at 5 900');
});

test('a home shard that is prepared is resolved by the decision', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([compute('add', 'n', 4n)], { at: 0 }), 'done at 2, 4');
  equal(rig.commit([], { versions: [2, 50] }), 'committed at 2 50');
  equal(rig.isHeld('n'), false);
  equal(rig.shard.row('n')?.version, 2);
});

test('an abort drops what is prepared at home', () => {
  const rig = new TransactionRig();
  rig.prepare([compute('add', 'n', 4n)], { at: 0 });
  equal(rig.abort(), 'refused aborted at 0');
  equal(rig.isHeld('n'), false);
  equal(rig.shard.row('n'), undefined);
});

test('a commit without its prepared part at home is an abort', () => {
  const rig = new TransactionRig();
  equal(rig.commit([], { versions: [2, 50] }), 'refused aborted at 0');
  rig.prepare([put('a', 'x')], { at: 0 });
  equal(rig.commit([], { versions: [4, 50] }), 'refused aborted at 0');
  equal(rig.prepared, 0);
});

test('after a commit a proposed abort is answered with the commit', () => {
  const rig = new TransactionRig();
  const first = rig.commit([get('a'), put('a', 'x')], { versions: [9] });
  equal(first, 'committed at 2 9, none');
  rig.pass(7);
  equal(rig.abort(), first);
  equal(rig.commit([get('a'), put('a', 'x')], { versions: [12] }), first);
  equal(rig.shard.row('a')?.version, 2);
  equal(rig.decisions, 1);
});

test('after an abort a proposed commit is answered with the reason of the abort', () => {
  const rig = new TransactionRig();
  const because: TransactionRefusal = { type: 'check-failed', position: 6, version: 77 };
  equal(rig.abort({}, because), 'check 6 met 77');
  equal(rig.commit([put('a', 'x')]), 'check 6 met 77');
  equal(rig.abort(), 'check 6 met 77');
  equal(rig.shard.value('a'), undefined);
  const gaveWay: TransactionRefusal = { type: 'refused', reason: 'gave-way', position: 3 };
  equal(rig.abort({ sequence: 22 }, gaveWay), 'refused gave-way at 3');
  equal(rig.commit([put('a', 'x')], { sequence: 22 }), 'refused gave-way at 3');
});

test('while its row is kept a decision is known for a client that acknowledged or is gone', () => {
  const endings: readonly ((rig: TransactionRig) => void)[] = [
    (rig) => {
      rig.acknowledge(20);
      rig.acknowledge(22);
    },
    (rig) => {
      rig.pass(PATIENCE + 1);
      rig.forget();
      equal(rig.shard.session(2), undefined);
    },
  ];
  for (const end of endings) {
    const rig = new TransactionRig();
    rig.commit([put('a', 'x')], { sequence: 20 });
    rig.abort({ sequence: 22 });
    end(rig);
    equal(rig.abort({ sequence: 20 }), 'committed at ');
    equal(rig.commit([put('b', 'x')], { sequence: 22 }), 'refused aborted at 0');
    equal(rig.shard.value('b'), undefined);
  }
});

test('without its row a decision is remembered for a client that is not gone', () => {
  const rig = new TransactionRig();
  rig.commit([put('a', 'x')], { sequence: 20 });
  rig.abort({ sequence: 22 });
  rig.clear({ sequence: 20 }, { sequence: 22 });
  equal(rig.decisions, 0);
  equal(rig.abort({ sequence: 20 }), 'committed at 2 900');
  equal(rig.commit([put('b', 'x')], { sequence: 22 }), 'refused aborted at 0');
});

test('nothing of an acknowledged transaction is decided any more', () => {
  const rig = new TransactionRig();
  rig.acknowledge();
  equal(rig.commit([put('a', 'x')]), 'refused acknowledged at 0');
  equal(rig.abort(), 'refused acknowledged at 0');
  equal(rig.shard.value('a'), undefined);
  equal(rig.decisions, 0);
});

test('past its deadline nothing is committed, and an abort is refused with that reason', () => {
  const rig = new TransactionRig();
  const soon = { deadline: START + 100 };
  rig.pass(100);
  equal(rig.commit([put('a', 'x')], soon), 'committed at 2 900');
  rig.pass(1);
  const late = { ...soon, sequence: 22 };
  equal(rig.commit([put('b', 'x')], late), 'refused deadline-passed at 0');
  equal(rig.abort(late), 'refused deadline-passed at 0');
  equal(rig.shard.value('b'), undefined);
  equal(rig.shard.slots(2).length, 1);
});

test('a home part is dropped once its transaction is acknowledged or past its deadline', () => {
  const acknowledged = new TransactionRig();
  acknowledged.prepare([put('a', 'x')], { at: 0 });
  acknowledged.acknowledge();
  equal(acknowledged.commit([], { versions: [2, 50] }), 'refused acknowledged at 0');
  equal(acknowledged.prepared, 0);
  const late = new TransactionRig();
  late.prepare([put('a', 'x')], { at: 0 });
  late.pass(PATIENCE + 1);
  equal(late.abort(), 'refused deadline-passed at 0');
  equal(late.prepared, 0);
});

test('a commit of another epoch or of a time too far ahead decides nothing', () => {
  const rig = new TransactionRig();
  equal(rig.commit([put('a', 'x')], { epoch: EPOCH - 1 }), 'refused wrong-epoch at 0');
  const deadline = START + timeoutMillisecondsMax + 1;
  equal(rig.commit([put('a', 'x')], { deadline }), 'refused deadline-too-far at 0');
  equal(rig.decisions, 0);
  equal(rig.shard.session(2), undefined);
  equal(rig.commit([put('a', 'x')]), 'committed at 4 900');
});

test('an abort depends on neither the epoch nor a near deadline', () => {
  const rig = new TransactionRig();
  equal(rig.abort({ epoch: EPOCH - 1 }), 'refused aborted at 0');
  equal(rig.commit([put('a', 'x')]), 'refused aborted at 0');
  const deadline = START + timeoutMillisecondsMax + 1;
  equal(rig.abort({ sequence: 22, deadline }), 'refused aborted at 0');
  rig.pass(1);
  equal(rig.commit([put('a', 'x')], { sequence: 22, deadline }), 'refused aborted at 0');
});

test('an abort is remembered however many requests are open: it has its own slot', () => {
  const rig = new TransactionRig();
  rig.prepare([put('held', 'x')], { at: 0 });
  for (let sequence = 100; sequence < 1100; sequence++) {
    rig.shard.ask([[put('k', 'x')]], { client: 2, sequence });
  }
  equal(rig.abort(), 'refused aborted at 0');
  deepEqual([rig.isHeld('held'), rig.decisions], [false, 1]);
  rig.clear();
  equal(rig.commit([put('a', 'x')]), 'refused aborted at 0');
});

test('a shard decides transactions whose home it is, and no others', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')]);
  rig.shard.apply({ type: 'adopt', epoch: EPOCH + 1, arc: { from: HOME + 1, to: 2 ** 32 } });
  equal(rig.abort(), 'refused malformed at 0');
  equal(rig.commit([put('b', 'x')]), 'refused malformed at 0');
  deepEqual([rig.isHeld('a'), rig.shard.value('b'), rig.decisions], [true, undefined, 0]);
  equal(rig.shard.slots(2).length, 1);
});

test('an abort extends no session by years', () => {
  const rig = new TransactionRig();
  equal(rig.abort({ deadline: 2 ** 50 }), 'refused aborted at 0');
  equal(rig.shard.session(2)?.deadlineMax, START + timeoutMillisecondsMax);
});

test('the reads of a transaction are bounded for all its parts together', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'x'.repeat(resultBytesMax / 2)));
  const value = new Uint8Array(resultBytesMax / 2);
  const outputs: Output[] = [{ type: 'row', row: { version: 1, expiresAt: 0, value } }];
  const large = rig.commit([get('a'), put('b', 'x')], { outputs });
  equal(large, 'refused result-too-large at 0');
  equal(rig.shard.value('b'), undefined);
  const over: Output[] = [...outputs, ...outputs];
  rig.prepare([put('c', 'x')], { at: 0, sequence: 22 });
  const vote = { sequence: 22, versions: [1, 2], outputs: over };
  equal(rig.commit([], vote), 'refused result-too-large at 0');
  equal(rig.isHeld('c'), false);
  const all = rig.commit([put('b', 'x')], { sequence: 24, outputs });
  ok(all.startsWith('committed at 6 900'), all);
});

test('versions of many parts count as remembered bytes', () => {
  const rig = new TransactionRig();
  const participants = Math.ceil(resultBytesMax / 9);
  const refused = rig.commit([put('a', 'x')], { participants: Math.min(participants, 1024) });
  ok(refused.startsWith('committed'), refused);
  const outputs: Output[] = [
    { type: 'row', row: { version: 1, expiresAt: 0, value: new Uint8Array(8000) } },
  ];
  const vote = { sequence: 22, participants: 1024, outputs };
  equal(rig.commit([put('a', 'y')], vote), 'refused result-too-large at 0');
});

test('a transaction of one part is decided without a row to be cleared', () => {
  const rig = new TransactionRig();
  equal(rig.commit([put('a', 'x')], { participants: 1 }), 'committed at 2');
  equal(rig.decisions, 0);
  deepEqual(rig.shard.rows.in(SECTION.decisions), []);
});

test('a sequence that the client used for something else decides nothing', () => {
  const rig = new TransactionRig();
  rig.shard.ask([[put('a', 'x')]], { client: 2, sequence: 20, deadline: START + 10 });
  equal(rig.commit([put('b', 'x')]), 'refused acknowledged at 0');
  rig.pass(OUTLIVED + 10);
  rig.forget();
  equal(rig.commit([put('b', 'x')]), 'refused acknowledged at 0');
  equal(rig.shard.value('b'), undefined);
});

test('only kept rows are cleared', () => {
  const rig = new TransactionRig();
  rig.commit([put('a', 'x')], { sequence: 20 });
  rig.commit([put('b', 'x')], { sequence: 22 });
  const { index } = rig.shard;
  rig.clear({ sequence: 24 }, { sequence: 20, client: 3 });
  equal(rig.decisions, 2);
  rig.clear({ sequence: 22 }, { sequence: 22 });
  equal(rig.decisions, 1);
  equal(rig.shard.index, index + 2);
  const [left] = [...rig.shard.machine.transactions.decisions.all()];
  equal(left?.id.sequence, 20);
  deepEqual(left?.participants[1], { position: 78, deadline: START + PATIENCE });
  deepEqual(rig.shard.row('a')?.value, bytesOf('x'));
});
