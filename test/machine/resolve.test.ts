/** How participants hear what became of a transaction, and what they do then. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import { SECTION } from '../../src/machine/section.ts';
import { decodeVerdicts } from '../../src/machine/session.ts';
import {
  append,
  bytesOf,
  checkPresence,
  compute,
  get,
  put,
  putBytes,
  remove,
  START,
  touch,
} from './machine-rig.ts';
import { after, OUTLIVED, PATIENCE, TransactionRig } from './transaction-rig.ts';

const { timeoutMillisecondsMax } = MACHINE_LIMITS;

/** What is remembered of a client is sound: every run holds its verdicts. */
function runsOf(rig: TransactionRig, client = 2): readonly string[] {
  return rig.shard.slots(client).flatMap(({ sequence, runs }) => {
    return runs.map((run) => {
      ok(decodeVerdicts(run), 'a run holds its verdicts');
      return `${sequence}: ${run.first}+${run.count}`;
    });
  });
}

test('after a commit a participant applies its part and releases the locks', () => {
  const rig = new TransactionRig();
  rig.do(put('old', 'x'));
  rig.prepare([put('a', 'one'), remove('old'), get('b')]);
  rig.resolve(true);
  equal(rig.shard.value('a'), 'one');
  equal(rig.shard.value('old'), undefined);
  equal(rig.isHeld('a') || rig.isHeld('old') || rig.isHeld('b'), false);
});

test('after an abort it drops its part', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'one'));
  rig.prepare([put('a', 'two'), compute('add', 'n', 1n)]);
  rig.resolve(false);
  equal(rig.shard.value('a'), 'one');
  equal(rig.shard.row('n'), undefined);
  equal(rig.prepared, 0);
});

test('the result is that of the prepare: arithmetic and append give the same outputs', () => {
  const rig = new TransactionRig();
  rig.do(putBytes('n', 40));
  rig.do(put('s', 'ab'));
  equal(rig.prepare([compute('add', 'n', 2n), append('s', 'cd')]), 'done at 4, 42, 4 bytes');
  rig.do(put('other', 'x'));
  rig.resolve(true);
  deepEqual(rig.shard.row('n'), { version: 4, expiresAt: 0, value: Uint8Array.of(42) });
  deepEqual(rig.shard.row('s'), { version: 4, expiresAt: 0, value: bytesOf('abcd') });
});

test('versions only grow, though a resolved part has the version of its prepare', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'one'));
  rig.prepare([put('a', 'two')]);
  for (const key of ['x', 'y', 'z']) rig.do(put(key, 'later'));
  rig.resolve(true);
  equal(rig.shard.row('a')?.version, 3);
  rig.do(put('a', 'three'));
  equal(rig.shard.row('a')?.version, 8);
});

test('a time to live begins when the part is resolved', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'old', 5000));
  rig.prepare([put('a', 'new', 100)]);
  rig.pass(1000);
  rig.resolve(true);
  equal(rig.shard.row('a')?.expiresAt, START + 1100);
  const due = rig.shard.rows.in(SECTION.expiries).map(({ key }) => key);
  deepEqual(due, [dueKeyOf({ expiresAt: START + 1100, key: bytesOf('a') })]);
});

test('the life of a key that a part creates begins when the part is resolved', () => {
  const rig = new TransactionRig();
  rig.prepare([compute('add', 'n', 1n, 100), append('t', 'x', 100)]);
  rig.pass(1000);
  rig.resolve(true);
  equal(rig.shard.row('n')?.expiresAt, START + 1100);
  equal(rig.shard.row('t')?.expiresAt, START + 1100);
  equal(rig.shard.rows.in(SECTION.expiries).length, 2);
});

test('a touch of a part takes effect when the part is resolved, and keeps the version', () => {
  const rig = new TransactionRig();
  rig.do(put('a', 'x', 100));
  rig.prepare([touch('a', 300)]);
  rig.shard.time = START + 60;
  equal(rig.shard.row('a')?.expiresAt, START + 100);
  rig.resolve(true);
  deepEqual(rig.shard.row('a'), { version: 2, expiresAt: START + 360, value: bytesOf('x') });
});

test('a repeated resolution has no effect', () => {
  const rig = new TransactionRig();
  rig.do(putBytes('n', 1));
  rig.prepare([compute('add', 'n', 1n)]);
  rig.resolve(true);
  rig.resolve(true);
  rig.resolve(false);
  deepEqual(rig.shard.row('n'), { version: 3, expiresAt: 0, value: Uint8Array.of(2) });
});

test('after an abort that comes before its prepare, the prepare is refused', () => {
  const rig = new TransactionRig();
  rig.resolve(false);
  equal(rig.prepare([put('a', 'x')]), 'refused aborted at 0');
  equal(rig.prepared, 0);
  equal(rig.shard.session(2)?.deadlineMax, START + PATIENCE);
});

test('that refusal is remembered until no prepare can come any more', () => {
  const rig = new TransactionRig();
  rig.resolve(false, { deadline: START + 100 });
  rig.pass(100);
  rig.forget();
  equal(rig.prepare([put('a', 'x')], { deadline: START + 100 }), 'refused aborted at 0');
  rig.pass(OUTLIVED);
  rig.forget();
  equal(rig.shard.session(2), undefined);
  equal(rig.prepare([put('a', 'x')], { deadline: START + 100 }), 'refused deadline-passed at 0');
});

test('of several refusals in one entry each is remembered until its own deadline', () => {
  const rig = new TransactionRig();
  const [soon, late] = [
    { sequence: 20, deadline: START + 10 },
    { sequence: 22, deadline: START + 50 },
  ];
  rig.resolve(false, soon, late);
  rig.pass(30);
  rig.forget();
  equal(rig.prepare([put('a', 'x')], late), 'refused aborted at 0');
});

test('nothing is remembered for a prepare that cannot come, or an impossible deadline', () => {
  const rig = new TransactionRig();
  rig.resolve(false, { deadline: START - 1 });
  rig.resolve(false, { deadline: START + timeoutMillisecondsMax + 1 });
  rig.resolve(true);
  equal(rig.shard.session(2), undefined);
});

test('for a client that acknowledged, an abort extends what the shard remembers', () => {
  const rig = new TransactionRig();
  rig.acknowledge(20, START + 10);
  rig.resolve(false);
  rig.pass(OUTLIVED + 10);
  rig.forget();
  equal(rig.prepare([put('a', 'x')]), 'refused acknowledged at 0');
});

test('an abort of a part that was refused leaves the remembered refusal', () => {
  const rig = new TransactionRig();
  equal(rig.prepare([checkPresence('a', true), put('a', 'x')]), 'check 0 met 0');
  rig.resolve(false);
  equal(rig.prepare([checkPresence('a', true), put('a', 'x')]), 'check 0 met 0');
  deepEqual(runsOf(rig), ['20: 1+1']);
});

test('one entry resolves several transactions, of one client and of several', () => {
  const rig = new TransactionRig();
  const parts = [
    { client: 2, sequence: 20 },
    { client: 3, sequence: 20 },
    { client: 2, sequence: 22 },
  ];
  for (const [at, part] of parts.entries()) rig.prepare([put(`k${at}`, 'x')], part);
  rig.resolve(true, ...parts);
  deepEqual(
    parts.map((_, at) => rig.shard.row(`k${at}`)?.version),
    [2, 3, 4],
  );
  equal(rig.prepared, 0);
});

test('refusals of several clients in one entry are independent', () => {
  const rig = new TransactionRig();
  const parts = [
    { client: 2, sequence: 20 },
    { client: 3, sequence: 20 },
    { client: 2, sequence: 21 },
    { client: 3, sequence: 40 },
    { client: 2, sequence: 22 },
    { client: 2, sequence: 23 },
  ];
  rig.resolve(false, ...parts);
  deepEqual(runsOf(rig, 2), ['20: 1+1', '21: 1+1', '22: 1+1', '23: 1+1']);
  deepEqual(runsOf(rig, 3), ['20: 1+1', '40: 1+1']);
  for (const part of parts) equal(rig.prepare([put('a', 'x')], part), 'refused aborted at 0');
});

test('of two aborts in one slot the later sequence is remembered, in any order', () => {
  const [early, late] = [{ sequence: 20 }, { sequence: after(20) }];
  for (const order of [
    [early, late],
    [late, early],
  ]) {
    const rig = new TransactionRig();
    rig.resolve(false, ...order);
    deepEqual(runsOf(rig), [`${after(20)}: 1+1`]);
    equal(rig.prepare([put('a', 'x')], early), 'refused acknowledged at 0');
    equal(rig.prepare([put('a', 'x')], late), 'refused aborted at 0');
  }
});

test('an abort that occurs twice in one entry is remembered once', () => {
  const rig = new TransactionRig();
  rig.resolve(false, { sequence: 20 }, { sequence: 22 }, { sequence: 20 });
  deepEqual(runsOf(rig), ['20: 1+1', '22: 1+1']);
});

test('a part that one entry resolves twice is applied once', () => {
  const rig = new TransactionRig();
  rig.prepare([compute('add', 'n', 1n)]);
  rig.resolve(true, {}, {});
  deepEqual(rig.shard.row('n')?.value, Uint8Array.of(1));
  deepEqual(runsOf(rig), ['20: 1+1']);
});

test('released keys are reported, and no others', () => {
  const rig = new TransactionRig();
  const { machine } = rig.shard;
  const freed: (readonly number[])[] = [];
  const apply = machine.apply.bind(machine);
  machine.apply = (committed) => {
    const outcome = apply(committed);
    if (outcome.type === 'applied') freed.push(outcome.freed.map(({ id }) => id.sequence));
    return outcome;
  };
  rig.prepare([put('a', 'x')]);
  rig.prepare([put('b', 'x')], { sequence: 22, at: 0 });
  rig.commit([put('c', 'x')], { sequence: 24 });
  rig.resolve(false);
  rig.resolve(false);
  rig.abort({ sequence: 22 });
  rig.clear({ sequence: 22 });
  deepEqual(freed, [[], [], [], [20], [], [22], []]);
});
