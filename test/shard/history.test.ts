/** The history of a shard at one replica, one sentence at a time. */

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { Changes, KeyChange } from '../../src/machine/key-change.ts';
import type { Position } from '../../src/raft/position.ts';
import { History, type ScanLimits } from '../../src/shard/history.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { bytesOf, textOf } from '../machine/machine-rig.ts';

const ALL: ScanLimits = { bytesMax: 1e9, changesMax: 1e9 };
const LIMITS = { entryBytesMax: 2000, slabBytes: 600 };
const EVERY = () => true;

function opened(index = 0, term = 0): History {
  return new History({ index, term }, LIMITS);
}

/** Keys of one group; a bar begins another group. */
function setsOf(index: number, keys: string, value = ''): readonly KeyChange[] {
  return keys.split('|').flatMap((group, transaction) =>
    [...group].map((key, at): KeyChange => {
      const isLast = at === group.length - 1;
      const about = { previous: 0, version: index, value: bytesOf(value), transaction, isLast };
      return { kind: 'set', key: bytesOf(key), ...about };
    }),
  );
}

/** Adds an entry behind the last one. */
function add(history: History, keys: string, term = history.head.term, value = ''): void {
  const index = history.head.index + 1;
  history.add({ index, term }, keys === '' ? [] : setsOf(index, keys, value));
}

function missed(history: History, changes: Changes = 'unrecorded'): void {
  const { index, term } = history.head;
  history.add({ index: index + 1, term }, changes);
}

/** As index and key, with a bar behind the last one of a group. */
function read(
  history: History,
  index: number,
  limits: Partial<ScanLimits> & { readonly sent?: number } = {},
  matches: (key: string) => boolean = EVERY,
) {
  const { sent: before = 0, ...rest } = limits;
  const from = { index, sent: before };
  const scan = history.scan(from, { ...ALL, ...rest }, (key) => matches(textOf(key)));
  const { block, count, through, sent } = scan;
  const changes = decodeChanges(block) ?? [];
  equal(changes.length, count);
  const text = changes.map(({ version, key, isLast }) => {
    return `${version}${textOf(key)}${isLast ? '|' : ''}`;
  });
  return { text: text.join(' '), through: textIn(through), sent };
}

function textIn({ index, term }: Position): string {
  return `${index}/${term}`;
}

test('it holds what came behind its floor, in order, through the head', () => {
  const history = opened(10, 2);
  add(history, 'ab');
  add(history, '');
  add(history, 'c|de', 3);
  add(history, '');
  deepEqual(read(history, 10), { text: '11a 11b| 13c| 13d 13e|', through: '14/3', sent: 0 });
  deepEqual(read(history, 11), { text: '13c| 13d 13e|', through: '14/3', sent: 0 });
  deepEqual(read(history, 12), { text: '13c| 13d 13e|', through: '14/3', sent: 0 });
  deepEqual(read(history, 13), { text: '', through: '14/3', sent: 0 });
});

test('a value and all else of a change come back as they were', () => {
  const history = opened();
  const client = new Uint8Array(16).fill(9);
  const transaction = { home: 7, client, sequence: 9 };
  const changes: readonly KeyChange[] = [
    { ...(setsOf(1, 'a', 'value')[0] as KeyChange), previous: 70, transaction },
    {
      kind: 'expired',
      key: bytesOf('b'),
      previous: 4,
      version: 1,
      value: undefined,
      transaction: 1,
      isLast: true,
    },
  ];
  history.add({ index: 1, term: 1 }, changes);
  const from = { index: 0, sent: 0 };
  deepEqual(decodeChanges(history.scan(from, ALL, EVERY).block), changes);
  const keys = history.scan(from, { ...ALL, keysOnly: true }, EVERY);
  deepEqual(decodeChanges(keys.block), [{ ...changes[0], value: undefined }, changes[1]]);
});

test('only what matches is read, and the last of it ends its group', () => {
  const history = opened();
  add(history, 'ab|ba|b');
  deepEqual(read(history, 0, {}, (key) => key === 'a').text, '1a| 1a|');
  deepEqual(read(history, 0, {}, (key) => key === 'b').text, '1b| 1b| 1b|');
});

test('a scan that is full goes on in the middle of an entry, and its position does not', () => {
  const history = opened();
  add(history, 'abc|de', 1);
  add(history, 'f');
  const size = 13;
  const first = read(history, 0, { bytesMax: 2 * size });
  deepEqual(first, { text: '1a 1b', through: '0/0', sent: 2 });
  const second = read(history, 0, { bytesMax: 2 * size, sent: 2 });
  deepEqual(second, { text: '1c| 1d', through: '0/0', sent: 4 });
  const third = read(history, 0, { bytesMax: 2 * size, sent: 4 });
  deepEqual(third, { text: '1e| 2f|', through: '2/1', sent: 0 });
});

test('one change is read however large it is', () => {
  const history = opened();
  add(history, 'a', 1, 'x'.repeat(500));
  add(history, 'b', 1, 'x'.repeat(500));
  deepEqual(read(history, 0, { bytesMax: 10 }), { text: '1a|', through: '1/1', sent: 0 });
});

test('a scan looks at so many changes, and finishes the group', () => {
  const history = opened();
  add(history, 'xxx|x|a', 1);
  add(history, 'a');
  const isA = (key: string) => key === 'a';
  deepEqual(read(history, 0, { changesMax: 2 }, isA), { text: '', through: '0/0', sent: 3 });
  const rest = read(history, 0, { changesMax: 2, sent: 3 }, isA);
  deepEqual(rest, { text: '1a|', through: '1/1', sent: 0 });
});

test('an entry that changed something and is not recorded moves the floor, others do not', () => {
  const history = opened();
  add(history, 'a', 1);
  add(history, '');
  missed(history, []);
  deepEqual([textIn(history.floor), textIn(history.head)], ['0/0', '3/1']);
  missed(history);
  deepEqual([textIn(history.floor), textIn(history.head), history.bytes], ['4/1', '4/1', 0]);
  equal(history.covers({ index: 3, term: 1 }), 'gone');
  equal(history.covers({ index: 4, term: 1 }), 'yes');
  add(history, 'b');
  deepEqual(read(history, 4), { text: '5b|', through: '5/1', sent: 0 });
});

test('an entry with more changes than are kept counts as missed', () => {
  const history = opened();
  add(history, 'a', 1);
  add(history, 'b', 1, 'x'.repeat(LIMITS.entryBytesMax));
  deepEqual([textIn(history.floor), history.bytes], ['2/1', 0]);
});

test('trimming drops whole entries, and the floor is the last of them', () => {
  const history = opened();
  for (let entry = 0; entry < 40; entry++) add(history, 'abc|d', 1, 'x'.repeat(200));
  const before = history.bytes;
  history.trim();
  equal(history.bytes < before, true);
  const { index } = history.floor;
  equal(index > 0 && index < 40, true);
  equal(history.covers({ index: index - 1, term: 1 }), 'gone');
  equal(history.covers({ index, term: 1 }), 'yes');
  equal(read(history, index).text.startsWith(`${index + 1}a`), true);
  while (history.bytes > 0) history.trim();
  deepEqual([textIn(history.floor), textIn(history.head)], ['40/1', '40/1']);
});

test('a position is known by its term: another entry stood there in a lost history', () => {
  const history = opened(5, 2);
  add(history, 'a', 2);
  add(history, '', 4);
  add(history, 'b', 4);
  const terms = (index: number) => [1, 2, 3, 4, 5].map((term) => history.covers({ index, term }));
  deepEqual(terms(5), ['gone', 'yes', 'gone', 'gone', 'gone']);
  deepEqual(terms(6), ['gone', 'yes', 'gone', 'gone', 'gone']);
  deepEqual(terms(7), ['gone', 'gone', 'gone', 'yes', 'gone']);
  deepEqual(terms(8), ['gone', 'gone', 'gone', 'yes', 'gone']);
  deepEqual(terms(9), ['gone', 'gone', 'gone', 'ahead', 'ahead']);
});

test('of very many terms the oldest are forgotten, and what they cover', () => {
  const history = opened(0, 1);
  add(history, 'a', 1);
  for (let term = 2; term <= SHARD_LIMITS.historyTermsMax; term++) add(history, 'b', term);
  equal(history.floor.index, 0);
  add(history, 'c', SHARD_LIMITS.historyTermsMax + 1);
  deepEqual(textIn(history.floor), '1/1');
  equal(history.covers({ index: 0, term: 1 }), 'gone');
  equal(read(history, 1).text.startsWith('2b|'), true);
});

test('a snapshot replaces everything', () => {
  const history = opened();
  add(history, 'a', 1);
  history.reset({ index: 90, term: 7 });
  deepEqual([textIn(history.floor), textIn(history.head), history.bytes], ['90/7', '90/7', 0]);
  equal(history.covers({ index: 1, term: 1 }), 'gone');
  add(history, 'b');
  deepEqual(read(history, 90).text, '91b|');
});

test('an entry that is left out is a defect', () => {
  const history = opened();
  throws(() => history.add({ index: 2, term: 1 }, []), /sees every entry/);
});
