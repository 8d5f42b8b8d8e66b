/** What no client waits for, in one entry; and what a committed part will leave. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { append, checkPresence, compute, get, put, remove, touch } from './machine-rig.ts';
import { TransactionRig } from './transaction-rig.ts';

const FIRST = { sequence: 21 };
const SECOND = { sequence: 22 };
const THIRD = { sequence: 23 };

test('one entry commits staged transactions, resolves parts and clears decisions', () => {
  const rig = new TransactionRig();
  rig.stage([put('a', 'x')], FIRST);
  rig.stage([put('b', 'y')], SECOND);
  rig.prepare([put('c', 'z')], THIRD);
  rig.abort();
  equal(rig.decisions, 1);
  const commits = [
    { ...FIRST, versions: [2, 50] },
    { ...SECOND, versions: [3, 60] },
  ];
  const replies = rig.conclude({ commits, resolved: [THIRD], cleared: [{}] });
  deepEqual(replies, ['committed at 2 50', 'committed at 3 60']);
  deepEqual([rig.shard.value('a'), rig.shard.value('b'), rig.shard.value('c')], ['x', 'y', 'z']);
  deepEqual([rig.prepared, rig.decisions], [0, 2]);
  deepEqual(rig.conclude({ commits }), replies, 'the first decision is final');
});

test('a conclusion commits no transaction whose staged part is gone', () => {
  const rig = new TransactionRig();
  rig.prepare([put('a', 'x')], { at: 0 });
  deepEqual(rig.conclude({ commits: [{ versions: [2, 50] }] }), ['refused aborted at 0']);
  equal(rig.shard.value('a'), undefined);
});

test('a commit that the entry has no room for is undecided, and others say how far it came', () => {
  const rig = new TransactionRig();
  const large = 'v'.repeat(MACHINE_LIMITS.workBytesMax / 4);
  const abouts = [30, 31, 32].map((sequence) => ({ sequence }));
  for (const [at, about] of abouts.entries()) {
    rig.shard.do(put(`k${at}`, large));
    rig.stage([append(`k${at}`, 'x')], about);
  }
  const commits = abouts.map((about, at) => ({ ...about, versions: [3 + 2 * at, 50] }));
  const replies = rig.conclude({ commits, resolved: [FIRST] });
  equal(replies.length, commits.length);
  ok(replies[0]?.startsWith('committed'));
  equal(replies.at(-1), 'refused entry-full at 0');
  ok(rig.prepared > 0 && rig.isHeld('k2'));
  const later = rig.conclude({ commits: commits.slice(2) });
  ok(later[0]?.startsWith('committed'));
});

test('the row that a committed part will leave is known before it is resolved', () => {
  const rig = new TransactionRig();
  rig.shard.do(put('appended', 'old'));
  rig.shard.do(put('removed', 'old'));
  const operations = [put('set', 'new'), append('appended', '+'), remove('removed')];
  rig.prepare(operations);
  const version = rig.shard.index;
  const before = rig.shard.rows.in(0);
  const expected = [`new at ${version}`, `old+ at ${version}`, 'none'];
  deepEqual(
    ['set', 'appended', 'removed'].map((key) => rig.rowAfter(key)),
    expected,
  );
  deepEqual(rig.shard.rows.in(0), before, 'nothing is written');
  rig.resolve(true);
  equal(rig.shard.value('appended'), 'old+');
  equal(rig.shard.row('appended')?.version, version);
});

test('what depends on the moment of the commit, or is not written, is not told before', () => {
  for (const operation of [put('a', 'x', 5000), touch('a', 5000), append('a', 'x', 5000)]) {
    const rig = new TransactionRig();
    rig.shard.do(put('a', 'old'));
    rig.prepare([operation]);
    equal(rig.rowAfter('a'), 'unknown');
  }
  const rig = new TransactionRig();
  rig.shard.do(put('b', 'old'));
  rig.prepare([get('b'), checkPresence('c', false), compute('add', 'd', 5n)]);
  deepEqual([rig.rowAfter('b'), rig.rowAfter('c')], ['unknown', 'unknown']);
  ok(rig.rowAfter('d') !== 'unknown');
});
