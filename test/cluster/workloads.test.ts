/** The checks of workloads detect impossible observations. */

import { doesNotThrow, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { Transaction } from '../checkers/list-append-history.ts';
import { Bank } from './bank.ts';
import { Forks } from './forks.ts';
import { ListAppend } from './lists.ts';
import { Rings } from './rings.ts';
import { Rivals } from './rivals.ts';
import { Rooms } from './rooms.ts';
import { Script } from './script.ts';

const truth = new Script().truth();

test('money that is created or lost is detected', () => {
  const bank = new Bank();
  const untouched = Array.from({ length: 7 }, () => undefined);
  bank.note(untouched);
  bank.note(['60 by 1.1', '140 by 1.1', ...untouched.slice(2)]);
  doesNotThrow(() => bank.judge(truth));
  bank.note(['60 by 1.1', ...untouched.slice(1)]);
  throws(() => bank.judge(truth), /make 660, not 700/);
});

test('a ring that falls into two, or leads into itself, is detected', () => {
  const rings = new Rings();
  const untouched = Array.from({ length: 6 }, () => undefined);
  rings.note(untouched);
  rings.note(['2 by 1.1', '3 by 1.1', '1 by 1.1', ...untouched.slice(3)]);
  doesNotThrow(() => rings.judge(truth));
  const torn = new Rings();
  torn.note(['2 by 1.1', '3 by 1.1', '0 by 1.1', ...untouched.slice(3)]);
  throws(() => torn.judge(truth), /no ring/);
  const half = new Rings();
  half.note(['2 by 1.1', ...untouched.slice(1)]);
  throws(() => half.judge(truth), /no ring/);
});

const written = (key: string, invoke: number, end: number) =>
  ({ key, invoke, end, outcome: 'ok' }) as const;

test('two readers that disagree on what came first are detected', () => {
  const forks = new Forks();
  forks.noteWriting(written('fork-0-0', 0, 100));
  forks.noteWriting(written('fork-0-1', 0, 100));
  const reading = { round: 0, invoke: 10, end: 20 };
  forks.noteReading({ ...reading, seen: new Set(['fork-0-0']) });
  forks.noteReading({ ...reading, seen: new Set(['fork-0-0', 'fork-0-1']) });
  doesNotThrow(() => forks.judge(truth));
  forks.noteReading({ ...reading, seen: new Set(['fork-0-1']) });
  throws(() => forks.judge(truth), { oracle: 'long fork' });
});

test('a reader that sees the later key alone is detected', () => {
  const forks = new Forks();
  forks.noteWriting(written('fork-0-0', 0, 10));
  forks.noteWriting(written('fork-0-1', 20, 30));
  forks.noteReading({ round: 0, invoke: 5, end: 40, seen: new Set(['fork-0-1']) });
  throws(() => forks.judge(truth), { oracle: 'causal reverse' });
});

test('a reader that misses a key, or sees an impossible one, is detected', () => {
  const stale = new Forks();
  stale.noteWriting(written('fork-0-0', 0, 10));
  stale.noteReading({ round: 0, invoke: 20, end: 30, seen: new Set() });
  throws(() => stale.judge(truth), { oracle: 'stale' });
  const phantom = new Forks();
  phantom.noteWriting({ ...written('fork-0-0', 0, 10), outcome: 'failed' });
  phantom.noteReading({ round: 0, invoke: 20, end: 30, seen: new Set(['fork-0-0']) });
  throws(() => phantom.judge(truth), { oracle: 'phantom' });
});

test('a room with too many guests is detected', () => {
  const rooms = new Rooms();
  rooms.note(['one', 'two', 'three']);
  doesNotThrow(() => rooms.judge(truth));
  rooms.note(['one', 'two', 'three', 'four']);
  throws(() => rooms.judge(truth), { oracle: 'write skew' });
});

test('two transactions that each read before the other wrote are detected', () => {
  const lists = new ListAppend();
  const transaction = (process: number, read: string, appended: string): Transaction => ({
    process,
    invokedAt: 0,
    completedAt: 10,
    outcome: 'ok',
    operations: [
      { type: 'read', key: read, list: [] },
      { type: 'append', key: appended, element: process },
    ],
  });
  lists.history.push(transaction(1, 'one', 'two'));
  doesNotThrow(() => lists.judge(truth));
  lists.history.push(transaction(2, 'two', 'one'));
  lists.history.push({
    ...transaction(3, 'one', 'three'),
    invokedAt: 20,
    completedAt: 30,
    operations: [
      { type: 'read', key: 'one', list: [2] },
      { type: 'read', key: 'two', list: [1] },
    ],
  });
  throws(() => lists.judge(truth), { oracle: 'list-append' });
});

test('a transaction that never commits is detected', () => {
  const rivals = new Rivals();
  rivals.note(6, 200);
  doesNotThrow(() => rivals.judge(truth));
  rivals.note(12, 900);
  throws(() => rivals.judge(truth), { oracle: 'starvation' });
});
