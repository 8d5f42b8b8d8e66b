/** What the machine tells of an entry's changes: which, in which order, and of which command. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../src/base/message-pack.ts';
import type { Command } from '../../src/machine/command.ts';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import { Machine } from '../../src/machine/machine.ts';
import { writeRow } from '../../src/machine/row.ts';
import { LOST, SECTION } from '../../src/machine/section.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import { attach, endLease, lease } from './coordination-rig.ts';
import {
  append,
  bytesOf,
  checkPresence,
  clientOf,
  compute,
  get,
  MachineRig,
  put,
  remove,
  said,
  textOf,
  touch,
} from './machine-rig.ts';
import { nameOf, TransactionRig } from './transaction-rig.ts';

const WINDOW = 5000;
const MIB = 1024 * 1024;

function recording(): MachineRig {
  const rig = new MachineRig();
  record(rig);
  return rig;
}

function record(rig: MachineRig, milliseconds = WINDOW): void {
  rig.apply({ type: 'record-changes', milliseconds });
}

/** A bar behind the last change of each group. */
function told({ changes }: MachineRig): readonly string[] | 'unrecorded' {
  return changes === 'unrecorded' ? changes : changes.map(toldOne);
}

function toldOne(change: KeyChange): string {
  const { kind, key, previous, version, value, transaction, isLast } = change;
  const who = typeof transaction === 'number' ? transaction : idText(transaction);
  const what = value === undefined ? '' : ` = ${textOf(value)}`;
  return `${who}: ${kind} ${textOf(key)}${what} (${previous} to ${version})${isLast ? ' |' : ''}`;
}

function ask(rig: MachineRig, ...commands: readonly Command[]): void {
  rig.ask(commands);
}

test('each operation that changes a key tells the row before it and the one behind it', () => {
  const rig = recording();
  rig.do(put('a', 'x'));
  deepEqual(told(rig), ['0: set a = x (0 to 3) |']);
  rig.do(append('a', 'y'));
  deepEqual(told(rig), ['0: set a = xy (3 to 4) |']);
  rig.do(compute('add', 'n', 5n));
  deepEqual(told(rig), ['0: set n = \u0005 (0 to 5) |']);
  rig.do(put('a', 'z', 1000));
  deepEqual(told(rig), ['0: set a = z (4 to 6) |']);
  rig.do(remove('a'));
  deepEqual(told(rig), ['0: delete a (6 to 7) |']);
});

test('a set that does not need the row tells its version as well', () => {
  const rig = recording();
  rig.do(put('a', 'x'));
  rig.do(put('a', 'y'));
  deepEqual(told(rig), ['0: set a = y (3 to 4) |']);
});

test('keys that go with their lease are told each for itself, and once', () => {
  const rig = recording();
  rig.do(attach('a', 'x', lease(7)), attach('b', 'y', lease(7)));
  deepEqual(told(rig), ['0: set a = x (0 to 3)', '0: set b = y (0 to 3) |']);
  rig.do(put('b', 'z'));
  rig.do(endLease(7));
  deepEqual(told(rig), []);
  const end = { lease: clientOf(7), seenAt: rig.index, isLast: true };
  const ends = [{ ...end, keys: ['a', 'b'].map(bytesOf) }];
  rig.apply({ type: 'end-leases', ends });
  deepEqual(told(rig), ['0: lease-ended a (3 to 6) |'], 'b has left the lease');
  rig.apply({ type: 'end-leases', ends });
  deepEqual(told(rig), []);
});

test('reads, checks, touches and deletions of nothing are no changes', () => {
  const rig = recording();
  rig.do(put('a', 'x'));
  rig.do(get('a'), checkPresence('b', false));
  deepEqual(told(rig), []);
  rig.do(touch('a', 1000));
  deepEqual(told(rig), []);
  rig.do(remove('b'));
  deepEqual(told(rig), []);
});

test('the changes of a command are one group, in the order of its operations', () => {
  const rig = recording();
  ask(rig, [put('b', '1'), put('a', '2')], [remove('x')], [put('c', '3')]);
  deepEqual(told(rig), [
    '0: set b = 1 (0 to 3)',
    '0: set a = 2 (0 to 3) |',
    '1: set c = 3 (0 to 3) |',
  ]);
});

test('a command that fails tells nothing of what it had begun', () => {
  const rig = recording();
  rig.do(put('text', 'hello'));
  ask(rig, [put('a', '1')], [put('b', '2'), compute('add', 'text', 1n)], [put('c', '3')]);
  deepEqual(told(rig), ['0: set a = 1 (0 to 4) |', '1: set c = 3 (0 to 4) |']);
});

test('a batch that comes again changes nothing', () => {
  const rig = recording();
  rig.ask([[put('a', '1')]], { sequence: 7 });
  rig.ask([[put('a', '1')]], { sequence: 7 });
  deepEqual(told(rig), []);
});

test('what expires is told, each key for itself', () => {
  const rig = recording();
  ask(rig, [put('a', '1', 100), put('b', '2', 100), put('c', '3', 100)]);
  rig.do(put('c', '4'));
  rig.time += 200;
  const dueKeys = ['a', 'b', 'c'].map((key) => {
    return dueKeyOf({ expiresAt: rig.time - 100, key: bytesOf(key) });
  });
  rig.apply({ type: 'expire', dueKeys });
  deepEqual(told(rig), ['0: expired a (3 to 5) |', '1: expired b (3 to 5) |']);
});

test('a part of a transaction is told when it is resolved, with the version of its prepare', () => {
  const rig = new TransactionRig();
  record(rig.shard);
  rig.prepare([put('a', 'x'), remove('b'), put('c', 'y')]);
  deepEqual(told(rig.shard), []);
  rig.shard.do(put('other', '1'));
  rig.resolve(true);
  const id = idText(nameOf());
  const version = 3;
  deepEqual(told(rig.shard), [
    `${id}: set a = x (0 to ${version})`,
    `${id}: set c = y (0 to ${version}) |`,
  ]);
});

test('a part that is dropped is not told', () => {
  const rig = new TransactionRig();
  record(rig.shard);
  rig.prepare([put('a', 'x')]);
  rig.resolve(false);
  deepEqual(told(rig.shard), []);
});

test('the home shard tells its part with the decision', () => {
  const rig = new TransactionRig();
  record(rig.shard);
  rig.commit([put('a', 'x')]);
  deepEqual(told(rig.shard), [`${idText(nameOf())}: set a = x (0 to 3) |`]);
});

test('an entry is recorded if log time is within the window that stood before it', () => {
  const rig = new MachineRig();
  rig.do(put('a', '1'));
  equal(told(rig), 'unrecorded');
  rig.do(touch('a', 100_000));
  deepEqual(told(rig), [], 'a touch is no change, recorded or not');
  record(rig);
  rig.time += WINDOW;
  rig.do(put('a', '2'));
  deepEqual(told(rig), ['0: set a = 2 (2 to 5) |']);
  rig.time += 1;
  rig.do(put('a', '3'));
  equal(told(rig), 'unrecorded');
  rig.do(remove('a'));
  equal(told(rig), 'unrecorded');
  rig.do(remove('a'));
  deepEqual(told(rig), []);
});

test('a command that fails is no change where nothing is recorded', () => {
  const rig = new MachineRig();
  rig.do(put('text', 'hello'));
  rig.do(put('b', '2'), compute('add', 'text', 1n));
  deepEqual(told(rig), []);
});

test('a recording is never shortened, and survives a new machine', () => {
  const rig = recording();
  record(rig, 10);
  rig.machine = new Machine({ source: rig.rows });
  rig.time += WINDOW;
  rig.do(put('a', '2'));
  deepEqual(told(rig), ['0: set a = 2 (0 to 4) |']);
});

test('a row that was lost counts as none', () => {
  const rig = recording();
  rig.do(put('a', '1'));
  const { rows } = rig;
  const get = (section: number, key: Uint8Array) => {
    return section === SECTION.values ? LOST : rows.get(section, key);
  };
  rig.machine = new Machine({ source: { get } });
  rig.do(put('a', '2'));
  deepEqual(told(rig), ['0: set a = 2 (0 to 4) |']);
  rig.do(remove('b'));
  deepEqual(told(rig), ['0: delete b (0 to 5) |']);
});

test('rows that are read to be told cost no work', () => {
  const rig = recording();
  const names = ['a', 'b', 'c', 'd'];
  const writer = new Writer();
  for (const name of names) {
    writer.clear();
    writeRow(writer, { version: 1, expiresAt: 0, value: new Uint8Array(16 * MIB) });
    rig.rows.apply([{ section: SECTION.values, key: bytesOf(name), value: writer.take() }]);
  }
  const replies = rig.ask(names.map((name) => [put(name, 'x')]));
  deepEqual(replies.map(said), Array(4).fill('done at 3'));
});
