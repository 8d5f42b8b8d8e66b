/** A page of a range ends before the first key that a transaction holds. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, put } from '../machine/machine-rig.ts';
import { HeldRig, said } from './blocked-rig.ts';

function rigOf(...held: readonly string[]): HeldRig {
  const rig = new HeldRig();
  rig.write([put('a', '1'), put('b', '2'), put('c', '3'), put('d', '4')]);
  for (const [at, key] of held.entries()) rig.prepare(5 + at, put(key, 'new'));
  return rig;
}

test('without locks a page goes to its end', () => {
  const rig = rigOf();
  equal(said(rig.range()), 'a=1 b=2 c=3 d=4 (4, end)');
  equal(said(rig.range({ isReverse: true, rowsMax: 2 })), 'd=4 c=3 (2)');
});

test('it ends before a held key, and more is to come', () => {
  const rig = rigOf('c');
  equal(said(rig.range()), 'a=1 b=2 (2)');
  deepEqual(rig.rig.met, [], 'no read has waited for it yet');
});

test('it ends before the first of several, whichever was prepared first', () => {
  const rig = rigOf('d', 'b');
  equal(said(rig.range()), 'a=1 (1)');
});

test('backwards the last one counts', () => {
  const rig = rigOf('b', 'c');
  equal(said(rig.range({ isReverse: true })), 'd=4 (1)');
});

test('a page whose first key is held waits for it', () => {
  const rig = rigOf('a');
  const forward = rig.range();
  deepEqual(forward, []);
  deepEqual(rig.rig.met, ['5']);
  rig.resolve(5, true);
  rig.rig.turns(4);
  equal(said(forward), 'a=new b=2 c=3 d=4 (4, end)');
});

test('backwards it waits for the last one', () => {
  const rig = rigOf('d');
  const backwards = rig.range({ isReverse: true });
  deepEqual(backwards, []);
  rig.resolve(5, false);
  rig.rig.turns(4);
  equal(said(backwards), 'd=4 c=3 b=2 a=1 (4, end)');
});

test('a key that is held and does not exist yet is not skipped', () => {
  const rig = rigOf('bb');
  equal(said(rig.range()), 'a=1 b=2 (2)');
  const behind = rig.range({ from: bytesOf('b\0') });
  deepEqual(behind, [], 'the next page begins with it');
  rig.resolve(5, true);
  rig.rig.turns(4);
  equal(said(behind), 'bb=new c=3 d=4 (3, end)');
});

test('a held key after the last row keeps the range from ending', () => {
  const rig = rigOf('z');
  equal(said(rig.range()), 'a=1 b=2 c=3 d=4 (4)');
  equal(said(rig.range({ to: bytesOf('z') })), 'a=1 b=2 c=3 d=4 (4, end)');
  const backwards = rig.range({ isReverse: true });
  deepEqual(backwards, [], 'and backwards it stands before all others');
});

test('a held key before the first row keeps a backward range from ending', () => {
  const rig = rigOf('A');
  equal(said(rig.range({ isReverse: true })), 'd=4 c=3 b=2 a=1 (4)');
  equal(said(rig.range({ isReverse: true, from: bytesOf('a') })), 'd=4 c=3 b=2 a=1 (4, end)');
});

test('locks outside of the range do not matter', () => {
  const rig = rigOf('a', 'd');
  equal(said(rig.range({ from: bytesOf('b'), to: bytesOf('d') })), 'b=2 c=3 (2, end)');
});

test('keys alone and counts end at the same place', () => {
  const rig = rigOf('c');
  equal(said(rig.range({ answer: 'keys' })), 'a b (2)');
  equal(said(rig.range({ answer: 'count' })), '(2)');
});

test('a page that is full before the held key is not affected', () => {
  const rig = rigOf('d');
  equal(said(rig.range({ rowsMax: 2 })), 'a=1 b=2 (2)');
});

test('an empty range with a held key waits', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const responses = rig.range();
  deepEqual(responses, []);
  rig.resolve(5, false);
  rig.rig.turns(4);
  equal(said(responses), '(0, end)');
});
