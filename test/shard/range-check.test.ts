/** Whether what a transaction has read still holds: checks that a leader evaluates. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import { dueKeyOf } from '../../src/machine/due-key.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { bytesOf, put } from '../machine/machine-rig.ts';
import { HeldRig, said } from './blocked-rig.ts';

interface Seen {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly seenAt: number;
}

function range({ from, to, count, seenAt }: Seen): Operation {
  return { type: 'check-range', key: bytesOf(from), to: bytesOf(to), count, seenAt };
}

/** The key was absent when that entry was applied, and since then. */
function absence(key: string, seenAt: number): Operation {
  return range({ from: key, to: `${key}\0`, count: 0, seenAt });
}

function check(key: string, version: number): Operation {
  return { type: 'check-version', key: bytesOf(key), version };
}

/** Three keys of one version, and that version. */
function rigOf(): { readonly rig: HeldRig; readonly version: number } {
  const rig = new HeldRig();
  rig.write([put('a', '1'), put('b', '2'), put('c', '3')]);
  return { rig, version: rig.rig.replica.applied };
}

test('a range check holds if the count is the same and no key is newer', () => {
  const { rig, version: seenAt } = rigOf();
  const seen = { from: 'a', to: 'z', count: 3, seenAt };
  equal(said(rig.validate([range(seen)])), 'done');
  equal(said(rig.validate([range({ ...seen, count: 2 })])), 'check-failed 0 0');
  equal(said(rig.validate([range({ ...seen, count: 4 })])), 'check-failed 0 0');
  equal(said(rig.validate([range({ ...seen, seenAt: seenAt - 1 })])), 'check-failed 0 0');
});

test('it holds for keys of different age, and for a range without an end', () => {
  const { rig } = rigOf();
  rig.write([put('d', '4')]);
  const seenAt = rig.rig.replica.applied;
  equal(said(rig.validate([range({ from: 'a', to: '', count: 4, seenAt })])), 'done');
  equal(said(rig.validate([range({ from: 'b', to: 'd', count: 2, seenAt })])), 'done');
});

test('an insertion, a change and a removal are detected', () => {
  for (const change of [put('bb', 'x'), put('b', 'x')] as const) {
    const { rig, version: seenAt } = rigOf();
    rig.write([change]);
    equal(said(rig.validate([range({ from: 'a', to: 'z', count: 3, seenAt })])), FAILED);
  }
  const { rig, version: seenAt } = rigOf();
  rig.write([{ type: 'delete', key: bytesOf('b') }], [put('x', 'instead of it')]);
  equal(said(rig.validate([range({ from: 'a', to: 'z', count: 3, seenAt })])), FAILED);
});

const FAILED = 'check-failed 0 0';

test('an empty range can be checked', () => {
  const { rig } = rigOf();
  const seen = { from: 'x', to: 'z', count: 0, seenAt: rig.rig.replica.applied };
  equal(said(rig.validate([range(seen)])), 'done');
  rig.write([put('y', '1')]);
  equal(said(rig.validate([range(seen)])), FAILED);
});

test('keys that were written and deleted again are detected, of a range and by key', () => {
  const { rig } = rigOf();
  const seenAt = rig.rig.replica.applied;
  rig.write([put('y', '1')]);
  rig.write([{ type: 'delete', key: bytesOf('y') }]);
  equal(said(rig.validate([range({ from: 'x', to: 'z', count: 0, seenAt })])), FAILED);
  equal(said(rig.validate([absence('y', seenAt)])), FAILED);
  equal(said(rig.validate([absence('x', seenAt)])), 'done', 'a removal beside it is none');
  equal(said(rig.validate([absence('y', rig.rig.replica.applied)])), 'done', 'seen afterwards');
});

test('keys that expired in between count as deleted, and earlier keys do not', () => {
  const { rig } = rigOf();
  rig.write([put('old', '1')]);
  const seenAt = rig.rig.replica.applied;
  rig.write([put('y', '1', 1)]);
  rig.rig.tick(5);
  const { expiresAt } = decodeRow(rowOf(rig, 'y')) ?? { expiresAt: 0 };
  rig.do({ type: 'expire', dueKeys: [dueKeyOf({ expiresAt, key: bytesOf('y') })] });
  rig.write([{ type: 'delete', key: bytesOf('old') }]);
  equal(rowOf(rig, 'y').length, 0);
  equal(said(rig.validate([absence('y', seenAt)])), FAILED);
  equal(said(rig.validate([absence('old', seenAt)])), 'done', 'the version of the row is told');
});

function rowOf(rig: HeldRig, key: string): Uint8Array {
  const [response] = rig.keys(key);
  return (response?.type === 'rows' ? response.rows[0] : undefined) ?? new Uint8Array();
}

test('the check of an absent key is like that of a range of one', () => {
  const { rig } = rigOf();
  const seenAt = rig.rig.replica.applied;
  equal(said(rig.validate([absence('x', seenAt)])), 'done');
  rig.write([put('x', '1')]);
  equal(said(rig.validate([absence('x', seenAt)])), `check-failed 0 ${rig.rig.replica.applied}`);
});

test('deletions of a former life of the replica are unknown', () => {
  const { rig } = rigOf();
  const seenAt = rig.rig.replica.applied;
  rig.write([put('y', '1')]);
  equal(said(rig.validate([absence('x', seenAt)])), 'done');
  rig.rig.replica.machine.reload();
  equal(said(rig.validate([absence('x', seenAt)])), FAILED);
  rig.write([put('z', '1')]);
  equal(said(rig.validate([absence('x', seenAt)])), FAILED);
  equal(said(rig.validate([absence('x', rig.rig.replica.applied)])), 'done');
});

test('the first check that fails is reported', () => {
  const { rig, version: seenAt } = rigOf();
  const good = range({ from: 'a', to: 'z', count: 3, seenAt });
  const bad = range({ from: 'a', to: 'z', count: 1, seenAt });
  equal(said(rig.validate([check('a', seenAt), good, bad, bad])), 'check-failed 2 0');
  equal(said(rig.validate([bad, check('a', 1)])), `check-failed 1 ${seenAt}`);
});

test('keys are checked by version, by value and by presence, as in an entry', () => {
  const { rig, version } = rigOf();
  const value = (text: string): Operation => {
    return { type: 'check-value', key: bytesOf('a'), value: bytesOf(text) };
  };
  const presence = (key: string, isThere: boolean): Operation => {
    return { type: 'check-presence', key: bytesOf(key), isThere };
  };
  equal(said(rig.validate([check('a', version), check('x', 0), value('1')])), 'done');
  equal(said(rig.validate([presence('a', true), presence('x', false)])), 'done');
  equal(said(rig.validate([check('x', 0), check('a', 0)])), `check-failed 1 ${version}`);
  equal(said(rig.validate([check('x', 3)])), 'check-failed 0 0');
  equal(said(rig.validate([value('2')])), `check-failed 0 ${version}`);
  equal(said(rig.validate([presence('x', true)])), 'check-failed 0 0');
});

test('without an owner it waits for a held key, and evaluates its new value', () => {
  const { rig, version } = rigOf();
  rig.prepare(5, put('a', 'new'));
  const kept = rig.validate([check('b', version), check('a', version)]);
  const lost = rig.validate([check('a', version)]);
  deepEqual([kept, lost, rig.rig.met], [[], [], ['5', '5']]);
  rig.resolve(5, true);
  equal(said(lost).split(' ')[0], 'check-failed');
  equal(said(kept).split(' ')[0], 'check-failed');
});

test('a range check waits for a held key in the range, present or not', () => {
  const { rig, version: seenAt } = rigOf();
  rig.prepare(5, put('bb', 'new'));
  const responses = rig.validate([range({ from: 'a', to: 'z', count: 3, seenAt })]);
  const beside = rig.validate([range({ from: 'c', to: 'z', count: 1, seenAt })]);
  deepEqual(responses, []);
  equal(said(beside), 'done');
  rig.resolve(5, false);
  rig.rig.turns(4);
  equal(said(responses), 'done');
});

test('held keys are listed once for many ranges, and each range finds its own', () => {
  const { rig, version: seenAt } = rigOf();
  const { lockTable } = rig.rig.replica.machine;
  rig.prepare(4, put('f', 'new'), put('b', 'new'));
  rig.prepare(3, put('d', 'new'));
  ok(lockTable);
  let looks = 0;
  const within = lockTable.within.bind(lockTable);
  lockTable.within = (from, to) => {
    looks += 1;
    return within(from, to);
  };
  const among = (from: string, to: string) => range({ from, to, count: 0, seenAt });
  const free = [among('a', 'b'), among('bb', 'd'), among('da', 'f'), among('fa', '')];
  equal(said(rig.validate([...free, among('c', 'da'), among('b', 'c')], 5)), 'locked 4 by 3');
  equal(said(rig.validate([...free, among('f', '')], 5)), 'locked 4 by 4');
  equal(looks, 2);
});

test('a range is not read for longer than the requester waits', () => {
  const { rig, version: seenAt } = rigOf();
  const { store } = rig.rig;
  rig.rig.isStoreStuck = true;
  const checks = [range({ from: 'a', to: 'z', count: 3, seenAt })];
  const responses = rig.read({ type: 'checks', checks, owner: undefined }, rig.rig.now + 10);
  deepEqual([responses, store.openViews], [[], 1]);
  rig.rig.now += 11;
  rig.rig.isStoreStuck = false;
  rig.rig.turns(4);
  equal(said(responses), 'too-late');
  equal(store.openViews, 0);
});

test('range checks leave views to others, and keys are checked without views', () => {
  const { rig, version: seenAt } = rigOf();
  const { store, replica } = rig.rig;
  const views = Array.from({ length: TRANSACTION_LIMITS.checkViewsMax }, () => {
    return store.view(replica.shard);
  });
  const checks = [range({ from: 'a', to: 'z', count: 3, seenAt })];
  equal(said(rig.validate(checks)), 'overloaded');
  equal(said(rig.validate([check('a', seenAt), absence('x', seenAt)])), 'done');
  views.pop()?.close();
  equal(said(rig.validate(checks)), 'done');
  for (const view of views) view.close();
});

test('a removal during a range check does not affect its moment', () => {
  const { rig, version: seenAt } = rigOf();
  rig.write([put('x', 'elsewhere')]);
  rig.rig.isStoreStuck = true;
  const seen = { count: 1, seenAt };
  const first = range({ from: 'a', to: 'b', ...seen });
  const responses = rig.validate([first, range({ from: 'c', to: 'd', ...seen })]);
  equal(rig.write([{ type: 'delete', key: bytesOf('c') }]), 'done');
  deepEqual(responses, []);
  rig.rig.isStoreStuck = false;
  rig.rig.turns(4);
  equal(said(responses), 'done');
});

test('an owner does not wait for an older one: it learns which check met it', () => {
  const { rig, version } = rigOf();
  rig.prepare(3, put('b', 'new'));
  const responses = rig.validate([check('a', version), check('b', version)], 5);
  equal(said(responses), 'locked 1 by 3');
  deepEqual(rig.rig.met, []);
});

test('an owner waits for a younger one and preempts it', () => {
  const { rig, version } = rigOf();
  rig.prepare(8, put('b', 'new'));
  const responses = rig.validate([check('b', version)], 5);
  deepEqual([responses, rig.rig.met], [[], ['8 pressed']]);
  rig.resolve(8, false);
  equal(said(responses), 'done');
});

test('an owner passes the keys that it holds itself, in a range too', () => {
  const { rig, version: seenAt } = rigOf();
  rig.prepare(5, put('b', 'new'));
  const all = range({ from: 'a', to: 'z', count: 3, seenAt });
  equal(said(rig.validate([all, check('b', seenAt)], 5)), 'done');
  rig.prepare(3, put('c', 'new'));
  equal(said(rig.validate([all], 5)), 'locked 0 by 3');
});

test('the answer has the index at which it was evaluated', () => {
  const { rig, version } = rigOf();
  rig.write([put('y', 'later')]);
  const [response] = rig.validate([check('a', version)]);
  const bytes = response?.type === 'written' ? response.replies[0] : undefined;
  const reply = bytes && decodeReply(bytes);
  equal(reply?.type === 'done' && reply.version, rig.rig.replica.applied);
});

test('damage in a range is reported, and the replica serves no more requests', () => {
  const { rig, version: seenAt } = rigOf();
  const { store, replica } = rig.rig;
  const view = store.view(replica.shard);
  store.view = () => ({
    ...view,
    description: view.description,
    get: () => undefined,
    close: () => view.close(),
    cursor: () => ({
      next: (_limits, done) => {
        done(new StateDamage({ shard: replica.shard, row: { section: 0, key: Uint8Array.of(1) } }));
      },
      close() {},
    }),
  });
  const responses = rig.validate([range({ from: 'a', to: 'z', count: 3, seenAt })]);
  equal(said(responses), 'damaged');
  equal(rig.rig.isCorrupt, true);
});
