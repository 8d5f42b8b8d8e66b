/** Values that live for a while, and log time, one sentence of the README at a time. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes } from '../../src/base/bytes.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { decodeDueKey, dueKeyOf } from '../../src/machine/due-key.ts';
import { dueRange, expireBody } from '../../src/machine/garbage.ts';
import { SECTION } from '../../src/machine/section.ts';
import {
  append,
  bytesOf,
  checkPresence,
  checkVersion,
  compute,
  MachineRig,
  put,
  remove,
  START,
  said,
  textOf,
  touch,
} from './machine-rig.ts';

/** What a leader does: looks at the index as it is now, proposes what is due. */
function sweep(rig: MachineRig): string[] {
  const { to } = dueRange(rig.time);
  const rows = rig.rows.in(SECTION.expiries).filter(({ key }) => to && compareBytes(key, to) < 0);
  const body = expireBody(rows);
  if (body !== undefined) rig.apply(body);
  return rows.map(({ key }) => textOf(decodeDueKey(key)?.key ?? new Uint8Array(0)));
}

function indexed(rig: MachineRig): string[] {
  return rig.rows.in(SECTION.expiries).map(({ key }) => {
    const due = decodeDueKey(key);
    return `${textOf(due?.key ?? key)} at ${(due?.expiresAt ?? 0) - START}`;
  });
}

/** An entry that names one key as due at that time. */
function expire(rig: MachineRig, key: string, life: number): void {
  const dueKey = dueKeyOf({ expiresAt: START + life, key: bytesOf(key) });
  rig.apply({ type: 'expire', dueKeys: [dueKey] });
}

test('a time to live begins at the log time of the entry', () => {
  const rig = new MachineRig();
  rig.time += 7;
  rig.do(put('a', 'x', 100));
  equal(rig.row('a')?.expiresAt, START + 107);
  deepEqual(indexed(rig), ['a at 107']);
});

test('a due value is removed by an entry, and only then', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  rig.time += 5000;
  equal(said(rig.do(checkPresence('a', true), put('b', 'y'))), 'done at 3');
  equal(rig.value('a'), 'x');
  deepEqual(sweep(rig), ['a']);
  equal(rig.value('a'), undefined);
  deepEqual(indexed(rig), []);
});

test('a value is due at its time, and not one millisecond before', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  rig.time = START + 99;
  deepEqual(sweep(rig), []);
  expire(rig, 'a', 100);
  equal(rig.value('a'), 'x');
  deepEqual(indexed(rig), ['a at 100']);
  rig.time = START + 100;
  deepEqual(sweep(rig), ['a']);
  equal(rig.value('a'), undefined);
});

test('a value whose time to live was extended meanwhile stays', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  rig.do(put('a', 'y', 500));
  deepEqual(indexed(rig), ['a at 500']);
  rig.time = START + 100;
  expire(rig, 'a', 100);
  equal(rig.value('a'), 'y');
});

test('a value that was set without expiry stays, and its stale index row is dropped', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  rig.do(put('a', 'y'));
  deepEqual(indexed(rig), ['a at 100']);
  rig.time = START + 200;
  deepEqual(sweep(rig), ['a']);
  equal(rig.value('a'), 'y');
  deepEqual(indexed(rig), []);
});

test('a value that was deleted and set again is due at its own time', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  rig.do(remove('a'));
  deepEqual(indexed(rig), []);
  rig.do(put('a', 'y', 300));
  rig.time = START + 200;
  expire(rig, 'a', 100);
  equal(rig.value('a'), 'y');
  rig.time = START + 300;
  sweep(rig);
  equal(rig.value('a'), undefined);
});

test('arithmetic and append do not change when a value expires', () => {
  const rig = new MachineRig();
  rig.do({ type: 'set', key: bytesOf('n'), value: Uint8Array.of(1), lifeMilliseconds: 100 });
  rig.do(put('t', 'x', 100));
  rig.time += 50;
  rig.do(compute('add', 'n', 1n), append('t', 'y'));
  equal(rig.row('n')?.expiresAt, START + 100);
  equal(rig.row('t')?.expiresAt, START + 100);
  rig.time += 50;
  deepEqual(sweep(rig), ['n', 't']);
});

test('arithmetic and append begin the life of a key that they create, and extend no other', () => {
  const rig = new MachineRig();
  rig.do(compute('add', 'n', 5n, 100), append('t', 'x', 200), compute('max', 'm', 1n, 300));
  deepEqual(indexed(rig), ['n at 100', 't at 200', 'm at 300']);
  rig.time = START + 50;
  rig.do(compute('add', 'n', 1n, 100), append('t', 'y', 200), compute('max', 'm', 2n));
  deepEqual(indexed(rig), ['n at 100', 't at 200', 'm at 300']);
  equal(rig.row('n')?.expiresAt, START + 100);
  rig.do(put('p', 'x'));
  rig.do(append('p', 'y', 100));
  equal(rig.row('p')?.expiresAt, 0, 'a key without expiry stays without');
  rig.time = START + 100;
  deepEqual(sweep(rig), ['n']);
  equal(said(rig.do(compute('add', 'n', 1n, 100))), 'done at 7, 1');
  deepEqual(indexed(rig), ['n at 200', 't at 200', 'm at 300']);
});

test('a touch changes when a key expires, and neither its value nor its version', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  const version = rig.row('a')?.version;
  rig.time = START + 50;
  equal(said(rig.do(touch('a', 300))), 'done at 3, was there');
  deepEqual(rig.row('a'), { version, expiresAt: START + 350, value: bytesOf('x') });
  deepEqual(indexed(rig), ['a at 350'], 'the former index row is removed');
  rig.time = START + 349;
  expire(rig, 'a', 100);
  deepEqual(sweep(rig), []);
  equal(rig.value('a'), 'x');
  rig.time = START + 350;
  deepEqual(sweep(rig), ['a']);
  equal(rig.value('a'), undefined);
});

test('a touch lets a key live for ever, or gives a time to live to one that did', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100), put('b', 'y'));
  rig.do(touch('a', 0), touch('b', 200));
  deepEqual(indexed(rig), ['b at 200']);
  equal(rig.row('a')?.expiresAt, 0);
  rig.time = START + 200;
  sweep(rig);
  equal(rig.value('a'), 'x');
  equal(rig.value('b'), undefined);
});

test('a touch of an absent key says so and leaves nothing behind', () => {
  const rig = new MachineRig();
  equal(said(rig.do(touch('a', 100))), 'done at 2, was not there');
  equal(rig.row('a'), undefined);
  deepEqual(indexed(rig), []);
});

test('a check of the version holds after a touch', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x', 100));
  const version = rig.row('a')?.version ?? 0;
  rig.do(touch('a', 300));
  equal(said(rig.do(checkVersion('a', version), put('b', 'y'))), 'done at 4');
});

test('a touch counts as a write: no other command of the batch may use the key', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x'));
  const replies = rig.ask([[touch('a', 100)], [put('a', 'y')]]);
  deepEqual(replies.map(said), ['done at 3, was there', 'refused key-twice at 0']);
});

test('a repeated copy of a touch does not extend the life once more', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x'));
  rig.ask([[touch('a', 100)]], { sequence: 9 });
  rig.time = START + 60;
  deepEqual(rig.ask([[touch('a', 100)]], { sequence: 9 }).map(said), ['done at 3, was there']);
  equal(rig.row('a')?.expiresAt, START + 100);
});

test('log time never goes back, whatever clock a leader has', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x'));
  rig.time = START + 1000;
  rig.do(put('a', 'x'));
  rig.time = START - 500_000;
  rig.ask([[put('a', 'x', 10)]], { deadline: START + 2000 });
  equal(rig.machine.metadata.logTime, START + 1000);
  equal(rig.row('a')?.expiresAt, START + 1010);
});

test('due keys are listed from the earliest on, up to a bound', () => {
  const rig = new MachineRig();
  const { sweepKeysMax, sweepBytesMax } = MACHINE_LIMITS;
  const rowOf = (expiresAt: number, key: Uint8Array) => {
    return { key: dueKeyOf({ expiresAt, key }), value: new Uint8Array(0) };
  };
  const many = Array.from({ length: sweepKeysMax + 5 }, (_, at) => rowOf(at + 1, bytesOf('k')));
  const body = expireBody(many);
  ok(body?.type === 'expire');
  deepEqual(
    body.dueKeys,
    many.slice(0, sweepKeysMax).map(({ key }) => key),
  );
  deepEqual(rig.apply(body), []);
  const long = Array.from({ length: 200 }, (_, at) => rowOf(at + 1, new Uint8Array(4000)));
  const bounded = expireBody(long);
  ok(bounded?.type === 'expire');
  const bytes = bounded.dueKeys.reduce((sum, key) => sum + key.length, 0);
  ok(bytes <= sweepBytesMax && bytes > sweepBytesMax - 4100);
  equal(expireBody([]), undefined);
});

test('the longest time to live gives a time that can be encoded', () => {
  const rig = new MachineRig();
  rig.time = MACHINE_LIMITS.timeMax;
  rig.do(put('a', 'x', MACHINE_LIMITS.timeMax));
  equal(rig.row('a')?.expiresAt, 2 * MACHINE_LIMITS.timeMax);
  equal(decodeDueKey(rig.rows.in(SECTION.expiries)[0]?.key ?? bytesOf(''))?.expiresAt, 2 ** 52);
});
