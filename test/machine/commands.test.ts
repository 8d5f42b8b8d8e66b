/** What each operation does, one sentence of the README at a time. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import {
  append,
  bytesOf,
  checkPresence,
  checkValue,
  checkVersion,
  compute,
  get,
  MachineRig,
  put,
  putBytes,
  remove,
  said,
  sayAll,
} from './machine-rig.ts';

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

test('a put writes its value under the index of its entry', () => {
  const rig = new MachineRig();
  equal(said(rig.do(put('a', 'one'))), 'done at 2');
  deepEqual(rig.row('a'), { version: 2, expiresAt: 0, value: bytesOf('one') });
  equal(said(rig.do(put('a', 'two'))), 'done at 3');
  deepEqual(rig.row('a'), { version: 3, expiresAt: 0, value: bytesOf('two') });
});

test('a get returns the value before the command', () => {
  const rig = new MachineRig();
  equal(said(rig.do(get('a'), put('a', 'one'))), 'done at 2, none');
  equal(said(rig.do(put('a', 'two'), get('a'))), 'done at 3, one@2');
});

test('a delete says whether the key existed', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  equal(said(rig.do(remove('a'))), 'done at 3, was there');
  equal(rig.row('a'), undefined);
  equal(said(rig.do(remove('a'))), 'done at 4, was not there');
});

test('a key that was deleted comes back under a greater version', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  rig.do(remove('a'));
  rig.do(put('a', 'two'));
  equal(rig.row('a')?.version, 4);
});

test('a version is checked, and 0 stands for an absent key', () => {
  const rig = new MachineRig();
  equal(said(rig.do(checkVersion('a', 0), put('a', 'one'))), 'done at 2');
  equal(said(rig.do(checkVersion('a', 0), put('a', 'two'))), 'check 0 met 2');
  equal(said(rig.do(checkVersion('a', 3), put('a', 'two'))), 'check 0 met 2');
  equal(said(rig.do(checkVersion('a', 1), put('a', 'two'))), 'check 0 met 2');
  equal(said(rig.do(checkVersion('a', 2), put('a', 'two'))), 'done at 6');
  equal(said(rig.do(checkVersion('b', 1), put('a', 'three'))), 'check 0 met 0');
});

test('a value is checked, byte for byte', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  equal(said(rig.do(checkValue('a', 'on'), remove('a'))), 'check 0 met 2');
  equal(said(rig.do(checkValue('a', 'onf'), remove('a'))), 'check 0 met 2');
  equal(said(rig.do(checkValue('b', ''), remove('a'))), 'check 0 met 0');
  equal(said(rig.do(checkValue('a', 'one'), remove('a'))), 'done at 6, was there');
});

test('presence is checked both ways', () => {
  const rig = new MachineRig();
  equal(said(rig.do(checkPresence('a', true), put('a', 'one'))), 'check 0 met 0');
  equal(said(rig.do(checkPresence('a', false), put('a', 'one'))), 'done at 3');
  equal(said(rig.do(checkPresence('a', false), put('a', 'two'))), 'check 0 met 3');
  equal(said(rig.do(checkPresence('a', true), put('a', 'two'))), 'done at 5');
});

test('checks decide before anything is done, at any position', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  equal(said(rig.do(put('b', 'new'), remove('a'), checkVersion('c', 7))), 'check 2 met 0');
  equal(rig.value('a'), 'one');
  equal(rig.value('b'), undefined);
});

test('a key may be checked several times and written once', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  const checks = [checkPresence('a', true), checkVersion('a', 2), checkValue('a', 'one')];
  equal(said(rig.do(...checks, put('a', 'two'))), 'done at 3');
  equal(said(rig.do(put('a', 'x'), put('b', 'y'), remove('a'))), 'refused key-twice at 2');
  equal(rig.value('a'), 'two');
  equal(rig.value('b'), undefined);
});

test('commands of a batch are independent: one that fails leaves the others alone', () => {
  const rig = new MachineRig();
  const replies = rig.ask([
    [put('a', 'one')],
    [checkVersion('b', 9), put('b', 'two')],
    [put('c', 'three')],
  ]);
  sayAll(replies, ['done at 2', 'check 0 met 0', 'done at 2']);
  equal(rig.value('b'), undefined);
});

test('a command that touches a key which an earlier one of its batch wrote is refused', () => {
  const rig = new MachineRig();
  const replies = rig.ask([
    [put('a', 'one')],
    [put('b', 'two'), put('a', 'three')],
    [get('a'), put('c', 'four')],
    [checkPresence('a', false), put('d', 'five')],
    [put('b', 'six')],
  ]);
  sayAll(replies, [
    'done at 2',
    'refused key-twice at 1',
    'refused key-twice at 0',
    'refused key-twice at 0',
    'done at 2',
  ]);
  deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => rig.value(key)),
    ['one', 'six', undefined, undefined],
  );
});

test('a command that is refused halfway leaves its keys to the others', () => {
  const rig = new MachineRig();
  rig.do(put('text', 'no number'));
  const replies = rig.ask([
    [put('a', 'one'), put('b', 'two'), compute('add', 'text', 1n)],
    [put('b', 'three')],
    [get('a'), put('a', 'four')],
  ]);
  sayAll(replies, ['refused not-a-number at 2', 'done at 3', 'done at 3, none']);
});

test('a batch may write thousands of keys, each of them once', () => {
  const rig = new MachineRig();
  const many = Array.from({ length: 1000 }, (_, at) => [
    put(`key ${at}`, 'x'),
    put(`and ${at}`, 'y'),
  ]);
  const replies = rig.ask([...many, [put('key 500', 'z')]]);
  equal(replies.filter(({ type }) => type === 'done').length, 1000);
  equal(said(replies.at(-1)), 'refused key-twice at 0');
  equal(rig.value('key 500'), 'x');
});

test('add, min and max take an absent key as 0 or as the operand', () => {
  const rig = new MachineRig();
  equal(said(rig.do(compute('add', 'a', -5n))), 'done at 2, -5');
  equal(said(rig.do(compute('min', 'b', 7n))), 'done at 3, 7');
  equal(said(rig.do(compute('max', 'c', -7n))), 'done at 4, -7');
});

test('add, min and max compute with 64 bits', () => {
  const rig = new MachineRig();
  rig.do(compute('add', 'a', 2n ** 53n));
  equal(said(rig.do(compute('add', 'a', 1n))), `done at 3, ${2n ** 53n + 1n}`);
  rig.do(compute('add', 'carry', 2n ** 32n - 1n));
  equal(said(rig.do(compute('add', 'carry', 1n))), `done at 5, ${2n ** 32n}`);
  equal(said(rig.do(compute('min', 'a', -1n))), 'done at 6, -1');
  equal(said(rig.do(compute('min', 'a', 4n))), 'done at 7, -1');
  equal(said(rig.do(compute('max', 'a', -(2n ** 40n)))), 'done at 8, -1');
  equal(said(rig.do(compute('max', 'a', 2n ** 40n))), `done at 9, ${2n ** 40n}`);
});

test('a sum beyond 64 bits is refused and changes nothing', () => {
  const rig = new MachineRig();
  rig.do(compute('max', 'a', INT64_MAX));
  equal(said(rig.do(put('b', 'x'), compute('add', 'a', 1n))), 'refused overflow at 1');
  equal(said(rig.do(compute('add', 'a', -1n))), `done at 4, ${INT64_MAX - 1n}`);
  rig.do(compute('min', 'a', INT64_MIN));
  equal(said(rig.do(compute('add', 'a', -1n))), 'refused overflow at 0');
  equal(rig.row('a')?.version, 5);
  equal(rig.value('b'), undefined);
});

test('arithmetic refuses a value that is no integer', () => {
  const rig = new MachineRig();
  for (const value of [[], [0xc0], [0xcb, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1], [0xcd, 1]]) {
    rig.do(putBytes('a', ...value));
    equal(said(rig.do(compute('add', 'a', 1n))), 'refused not-a-number at 0');
  }
  rig.do(putBytes('a', 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0));
  equal(said(rig.do(compute('max', 'a', 1n))), 'refused not-a-number at 0');
});

test('append adds bytes after bytes', () => {
  const rig = new MachineRig();
  equal(said(rig.do(append('a', 'one'))), 'done at 2, 3 bytes');
  equal(said(rig.do(append('a', ', two'))), 'done at 3, 8 bytes');
  equal(rig.value('a'), 'one, two');
});

test('append stops at the largest allowed value', () => {
  const rig = new MachineRig();
  const value = new Uint8Array(MACHINE_LIMITS.valueBytesMax - 1);
  rig.do({ type: 'set', key: bytesOf('a'), value, lifeMilliseconds: 0 });
  equal(said(rig.do(append('a', 'xy'))), 'refused value-too-large at 0');
  equal(said(rig.do(append('a', 'x'))), `done at 4, ${MACHINE_LIMITS.valueBytesMax} bytes`);
});

test('a command reads no more than its limit, and otherwise has no effect', () => {
  const rig = new MachineRig();
  const value = 'x'.repeat(MACHINE_LIMITS.resultBytesMax / 2);
  rig.do(put('a', value));
  equal(said(rig.do(get('a'), put('b', 'y'))).length > value.length, true);
  equal(said(rig.do(put('c', 'y'), get('a'), get('a'))), 'refused result-too-large at 2');
  equal(rig.value('c'), undefined);
});
