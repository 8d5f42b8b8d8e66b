/** `kvctl user limit`: which limits it states, and how lists show them. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { AccessChange } from '../../src/admin.ts';
import { kvctl } from './called.ts';
import { clusterWith, NODES } from './small-cluster.ts';

const STORED = {
  ...{ user: 'billing', storedKeys: 1000, storedBytes: 0, usedKeys: 990, usedBytes: 4096 },
  ...{ isComplete: false, refused: 3 },
};

/** A cluster that keeps what it was asked to change. */
function clusterOf() {
  const store = clusterWith(NODES);
  const asked: AccessChange[] = [];
  const change = (what: AccessChange) => {
    asked.push(what);
    return Promise.resolve(7);
  };
  const limits = { requestsPerSecond: 1000, bytesPerSecond: 0, connections: 20, watches: 0 };
  const report = async () => ({
    ...(await store.access.report()),
    limited: [{ ...limits, user: 'billing' }],
    stored: [STORED],
  });
  const access = { ...store.access, change, report };
  return { store: Object.assign(Object.create(store), { access }) as typeof store, asked };
}

test('the named limits hold, and no others', async () => {
  const { store, asked } = clusterOf();
  const words = ['user', 'limit', 'billing', '--requests', '1000', '--bytes', '10mb'];
  const { exit, data } = await kvctl([...words, '--connections', '20', '--watches', '5'], {
    store,
  });
  assert.deepEqual([exit, data.toString()], [0, 'billing\n']);
  const all = { requestsPerSecond: 1000, bytesPerSecond: 10_000_000, connections: 20, watches: 5 };
  assert.deepEqual(asked.at(-1), { type: 'limit-user', name: 'billing', limits: all });
  assert.equal((await kvctl(['user', 'limit', 'billing', '--watches', '5'], { store })).exit, 0);
  assert.deepEqual(asked.at(-1), { type: 'limit-user', name: 'billing', limits: { watches: 5 } });
  assert.equal((await kvctl(['user', 'limit', 'billing', '--none'], { store })).exit, 0);
  assert.deepEqual(asked.at(-1), { type: 'limit-user', name: 'billing', limits: {} });
});

test('sizes have units, and what is no limit is refused before anything is sent', async () => {
  const { store, asked } = clusterOf();
  const sizes = { '500': 500, '1kb': 1000, '1KiB': 1024, '1.5mb': 1_500_000, '2gib': 2 ** 31 };
  for (const [text, bytes] of Object.entries(sizes)) {
    await kvctl(['user', 'limit', 'billing', '--bytes', text], { store });
    const last = asked.at(-1);
    assert.ok(last?.type === 'limit-user');
    assert.equal(last.limits.bytesPerSecond, bytes, text);
  }
  const before = asked.length;
  const faulty = [
    [],
    ['--none', '--requests', '1'],
    ['--requests', '0'],
    ['--requests', '-1'],
    ['--bytes', '10 mb'],
    ['--bytes', '0'],
    ['--bytes', '10xb'],
    ['--bytes', '9999gb'],
    ['--watches', '1.5'],
  ];
  for (const words of faulty) {
    const { exit, notes } = await kvctl(['user', 'limit', 'billing', ...words], { store });
    assert.equal(exit, 2, `${words.join(' ')}: ${notes}`);
  }
  assert.equal((await kvctl(['user', 'limit'], { store })).exit, 2);
  assert.equal((await kvctl(['user', 'limit', 'a', 'b', '--none'], { store })).exit, 2);
  assert.equal(asked.length, before);
});

test('a list shows the limits of each user', async () => {
  const { store } = clusterOf();
  const table = await kvctl(['user', 'list'], { store });
  assert.match(table.data.toString(), /billing\torders\t1\tyes\t1000 requests\/s, 20 connections/);
  const json = await kvctl(['user', 'list', '-o', 'json'], { store });
  assert.match(json.data.toString(), /"limits": ?\{ ?"requestsPerSecond": ?1000/);
  assert.match(json.data.toString(), /"stored": ?\{ ?"storedKeys": ?1000/);
});

test('a list shows what is stored and the limit, and whether all is counted', async () => {
  const { store } = clusterOf();
  const { data } = await kvctl(['user', 'list'], { store });
  assert.match(data.toString(), /at least 990 of 1000 keys, 4096 bytes/);
});

test('keys and bytes that are stored are limited by the same command', async () => {
  const { store, asked } = clusterOf();
  const words = ['user', 'limit', 'billing', '--keys', '1000', '--stored-bytes', '10gb'];
  assert.equal((await kvctl([...words, '--watches', '5'], { store })).exit, 0);
  const limits = { storedKeys: 1000, storedBytes: 10_000_000_000, watches: 5 };
  assert.deepEqual(asked.at(-1), { type: 'limit-user', name: 'billing', limits });
  for (const faulty of [
    ['--keys', '0'],
    ['--keys', '1.5'],
    ['--stored-bytes', '9999999gb'],
  ]) {
    assert.equal((await kvctl(['user', 'limit', 'billing', ...faulty], { store })).exit, 2);
  }
});
