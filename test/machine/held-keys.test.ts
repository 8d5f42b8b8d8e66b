/** What a command of a batch and a sweep do when they meet a key that a transaction holds. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import { SECTION } from '../../src/machine/section.ts';
import {
  append,
  bytesOf,
  checkPresence,
  checkValue,
  checkVersion,
  compute,
  get,
  put,
  putBytes,
  remove,
  START,
  sayAll,
  touch,
} from './machine-rig.ts';
import { TransactionRig } from './transaction-rig.ts';

const TOUCHES = {
  put: put('a', 'y'),
  'a put that expires': put('a', 'y', 50),
  delete: remove('a'),
  add: compute('add', 'a', 1n),
  min: compute('min', 'a', 1n),
  max: compute('max', 'a', 1n),
  append: append('a', 'y'),
  touch: touch('a', 50),
  get: get('a'),
  'a check of the version': checkVersion('a', 2),
  'a check of the value': checkValue('a', 'x'),
  'a check of the presence': checkPresence('a', true),
} as const;

for (const [what, operation] of Object.entries(TOUCHES)) {
  for (const held of [put('a', 'z'), get('a'), touch('a', 9)]) {
    test(`${what} waits for a key that a ${held.type} holds`, () => {
      const rig = new TransactionRig();
      rig.do(putBytes('a', 7));
      rig.prepare([held]);
      equal(rig.do(put('b', 'y'), operation), 'locked at 1 by 20');
      equal(rig.shard.value('b'), undefined);
      deepEqual(rig.shard.row('a'), { version: 2, expiresAt: 0, value: Uint8Array.of(7) });
    });
  }
}

test('a command that met a held key is not remembered, and a repetition is executed', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')]);
  const batch = rig.shard.batch([[compute('add', 'n', 1n)], [put('a', 'y')], [put('c', 'y')]]);
  const ask = () => rig.shard.apply({ type: 'batch', batch });
  sayAll(ask(), ['done at 3, 1', 'locked at 0 by 20', 'done at 3']);
  sayAll(ask(), ['done at 3, 1', 'locked at 0 by 20', 'done at 3']);
  rig.resolve(true);
  sayAll(ask(), ['done at 3, 1', 'done at 6', 'done at 3']);
  sayAll(ask(), ['done at 3, 1', 'done at 6', 'done at 3']);
  equal(rig.shard.value('a'), 'y');
});

test('a command that meets a lock is answered with the holder', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')], { client: 9, sequence: 40, attempts: 3, age: 123 });
  const [reply] = rig.shard.ask([[put('a', 'y')]]);
  const id = { home: 77, client: new Uint8Array(16).fill(9), sequence: 40 };
  const holder = { id, attempts: 3, age: 123 };
  deepEqual(reply, { type: 'locked', position: 0, holder });
});

test('keys that are not held are written beside those that are', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')]);
  equal(rig.do(put('b', 'y')), 'done at 3');
  rig.prepare([put('c', 'x')], { sequence: 22 });
  equal(rig.do(put('d', 'y')), 'done at 5');
});

test('a due key stays while it is held, and is due again afterwards', () => {
  const due = { expiresAt: START + 10, key: bytesOf('a') };
  const body = { type: 'expire', dueKeys: [dueKeyOf(due)] } as const;
  for (const isCommitted of [true, false]) {
    const rig = new TransactionRig();
    rig.do(put('a', 'x', 10));
    rig.prepare([get('a'), put('b', 'y')]);
    rig.pass(10);
    rig.shard.apply(body);
    equal(rig.shard.value('a'), 'x');
    equal(rig.shard.rows.in(SECTION.expiries).length, 1);
    rig.resolve(isCommitted);
    rig.shard.apply(body);
    equal(rig.shard.row('a'), undefined);
    deepEqual(rig.shard.rows.in(SECTION.expiries), []);
  }
});

test('a value that was to expire stays if a commit writes it anew', () => {
  const rig = new TransactionRig();
  rig.do(put('n', 'x', 10));
  rig.prepare([append('n', 'y'), put('m', 'z', 10)]);
  rig.pass(100);
  rig.resolve(true);
  deepEqual(rig.shard.row('n'), { version: 3, expiresAt: START + 10, value: bytesOf('xy') });
  equal(rig.shard.row('m')?.expiresAt, START + 110);
});

test('the held keys of a range are found in order, each with its holder', () => {
  const rig = new TransactionRig();
  rig.prepare([put('c', 'x'), get('a'), put('bb', 'x')], { sequence: 20 });
  rig.prepare([put('d', 'x'), put('aa', 'x')], { sequence: 22 });
  const { lockTable } = rig.shard.machine.transactions;
  const within = (from: string, to: string) =>
    lockTable
      .within(bytesOf(from), bytesOf(to))
      .map(({ key, holder }) => `${new TextDecoder().decode(key)} ${holder.id.sequence}`);
  deepEqual(within('a', 'd'), ['a 20', 'aa 22', 'bb 20', 'c 20']);
  deepEqual(within('aa', ''), ['aa 22', 'bb 20', 'c 20', 'd 22']);
  deepEqual(within('b', 'bb'), []);
});
