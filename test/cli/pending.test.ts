/** What waits in a cluster: put together from what nodes say, shown, and ended. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReplicaInfo } from '../../cli/node-info.ts';
import { durationText, pendingFrom } from '../../cli/pending.ts';
import type { PendingPart } from '../../cli/pending-info.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';
import { infoOf } from './small-cluster.ts';

const ID = `0000002a-${'ab'.repeat(16)}-7`;
const PARTICIPANTS = [3, 5, 9].map((shard) => ({ shard, position: shard * 100, deadline: 5000 }));

function part(shard: number, state: string, more: Partial<PendingPart> = {}): PendingPart {
  const known = { milliseconds: 10, age: 77, participants: PARTICIPANTS, keys: 0 };
  return { id: ID, shard, state, ...known, ...more };
}

const ALL = new Set([3, 5, 9]);

/** One node for each list. */
function pendingOn(heard: ReadonlySet<number>, ...lists: readonly (readonly PendingPart[])[]) {
  const infos = lists.map((transactions, at) => ({ node: at + 1, transactions }));
  return pendingFrom({ infos, shards: heard });
}

test('the reports of several shards on one transaction are one row', () => {
  const prepared = pendingOn(
    ALL,
    [part(5, 'prepared', { keys: 2, milliseconds: 1500 })],
    [],
    [part(9, 'prepared', { keys: 1 })],
  );
  assert.deepEqual(prepared, [
    {
      id: ID,
      state: 'prepared',
      milliseconds: 1500,
      shards: [
        { shard: 3, keysHeld: 0 },
        { shard: 5, keysHeld: 2 },
        { shard: 9, keysHeld: 1 },
      ],
      age: 77,
      participants: PARTICIPANTS,
    },
  ]);
  const [preparing] = pendingOn(ALL, [part(5, 'prepared', { keys: 2 })]);
  assert.equal(preparing?.state, 'preparing', 'shard 9 holds nothing yet');
  for (const state of ['committed', 'aborted']) {
    const [decided] = pendingOn(ALL, [part(5, 'prepared', { keys: 2 })], [part(3, state)]);
    assert.equal(decided?.state, state);
    assert.deepEqual(decided?.shards[1], { shard: 5, keysHeld: 2 }, 'it has not heard');
  }
});

test('the shards that did not answer are marked as unknown', () => {
  const held = part(5, 'prepared', { keys: 2 });
  const [homeless] = pendingOn(new Set([5, 9]), [held]);
  assert.deepEqual([homeless?.state, homeless?.shards[0]?.keysHeld], ['unknown', undefined]);
  const [partial] = pendingOn(new Set([3, 5]), [held]);
  assert.deepEqual([partial?.state, partial?.shards[2]?.keysHeld], ['preparing', undefined]);
  const [told] = pendingOn(new Set(), [part(3, 'aborted')]);
  assert.deepEqual([told?.state, told?.shards[0]?.keysHeld], ['aborted', 0]);
});

test('the oldest comes first, and two leaders of one shard count once', () => {
  const young = part(5, 'prepared', { id: `${ID}1`, keys: 1, milliseconds: 5 });
  const old = part(5, 'prepared', { keys: 1, milliseconds: 9000 });
  const pending = pendingOn(ALL, [young], [old], [old]);
  assert.deepEqual(
    pending.map(({ id, shards }) => [id, shards[1]?.keysHeld]),
    [
      [ID, 1],
      [`${ID}1`, 1],
    ],
  );
});

test('a duration is printed in readable units', () => {
  const times = { 5: '5ms', 1500: '1.5s', 59999: '59s', 90000: '1.5m', 7200000: '2h' };
  for (const [time, text] of Object.entries(times)) assert.equal(durationText(Number(time)), text);
  assert.equal(durationText(3 * 86_400_000), '3d');
});

/** Nodes that lead shards 3 and 5; those without a list do not answer. */
function storeOf(...lists: readonly (readonly PendingPart[] | undefined)[]): MemoryStore {
  const store = new MemoryStore();
  const nodes = lists.map((_, at) => ({ node: at + 1, clientUrl: `ws://10.0.0.${at + 1}:7400` }));
  store.clusterMap = { nodes } as unknown as ClusterMap;
  for (const [at, transactions] of lists.entries()) {
    const url = nodes[at]?.clientUrl ?? '';
    if (transactions === undefined) continue;
    store.pendings.set(url, { node: at + 1, transactions });
    const [replica] = infoOf(1).replicas;
    const replicas = [3, 5].map((shard) => ({ ...replica, shard }) as ReplicaInfo);
    store.infos.set(url, infoOf(at + 1, { replicas }));
  }
  return store;
}

test('no pending transaction is an empty list, and no failure', async () => {
  const forms = { table: '', json: '[]\n', ndjson: '', raw: '' };
  for (const [form, printed] of Object.entries(forms)) {
    const { exit, data, notes } = await kvctl(['txn', 'list', '-o', form], { store: storeOf([]) });
    assert.deepEqual([exit, data.toString(), notes], [0, printed, 'no transaction is pending\n']);
  }
});

test('pending transactions are printed in every format, with the silent nodes', async () => {
  const held = part(5, 'prepared', { keys: 2, milliseconds: 1500 });
  const store = storeOf([held], [part(3, 'committed')], undefined);
  const { exit, data, notes } = await kvctl(['txn', 'list'], { store });
  assert.deepEqual([exit, data.toString()], [0, `${ID}\tcommitted\t1.5s\t3 5 9\t5 9?\t2\n`]);
  assert.match(
    notes,
    /^node 3 \(kv:\/\/10\.0\.0\.3:7400\) did not list its transactions: connection refused/,
  );
  const plain = {
    id: ID,
    state: 'committed',
    milliseconds: 1500,
    shards: [
      { shard: 3, keysHeld: 0 },
      { shard: 5, keysHeld: 2 },
      { shard: 9, keysHeld: null },
    ],
  };
  const json = await kvctl(['txn', 'list', '-o', 'json'], { store });
  assert.deepEqual(JSON.parse(json.data.toString()), [plain]);
  const ndjson = await kvctl(['txn', 'list', '-o', 'ndjson'], { store });
  assert.deepEqual(JSON.parse(ndjson.data.toString()), plain);
  const raw = await kvctl(['txn', 'list', '-o', 'raw'], { store });
  assert.equal(raw.data.toString(), `${ID}\n`);
  const watched = await kvctl(['txn', 'list'], { store, columns: 120 });
  assert.match(watched.data.toString(), /ID .* STATE .* SINCE .* SHARDS .* WAITS FOR .* KEYS/);
});

test('resolve ends one, and waits until it is gone', async () => {
  const store = storeOf([part(5, 'prepared', { keys: 2 })], [part(9, 'prepared', { keys: 1 })]);
  store.onSettle = (waiting) => {
    assert.deepEqual(waiting, { id: ID, age: 77, participants: PARTICIPANTS });
    setTimeout(() => {
      for (const [url, { node }] of store.pendings) {
        store.pendings.set(url, { node, transactions: [] });
      }
    }, 50);
    return 'committed';
  };
  const { exit, data, notes } = await kvctl(['txn', 'resolve', ID], { store });
  assert.deepEqual([exit, data.toString(), notes], [0, 'committed\n', '']);
  const again = await kvctl(['txn', 'resolve', ID], { store });
  assert.deepEqual([again.exit, again.data.length], [1, 0]);
  assert.match(
    again.notes,
    /no transaction .* is pending: it has ended, or never existed\n`kvctl txn li/,
  );
});

test('the outcome is printed as JSON for programs', async () => {
  const store = storeOf([part(5, 'prepared', { keys: 2 })]);
  store.onSettle = () => {
    store.pendings.set('ws://10.0.0.1:7400', { node: 1, transactions: [] });
    return 'aborted';
  };
  const { data } = await kvctl(['txn', 'resolve', ID, '-o', 'json'], { store });
  assert.deepEqual(JSON.parse(data.toString()), { id: ID, outcome: 'aborted' });
});

test('a transaction that ended long ago is reported as over, and not as aborted', async () => {
  const store = storeOf([part(5, 'prepared', { keys: 2 })]);
  store.onSettle = () => {
    store.pendings.set('ws://10.0.0.1:7400', { node: 1, transactions: [] });
    return 'over';
  };
  const { exit, data, notes } = await kvctl(['txn', 'resolve', ID], { store });
  assert.deepEqual([exit, data.toString()], [0, 'over\n']);
  assert.match(notes, /^the transaction had already ended, and its outcome is no longer stored/);
});

test('resolve waits no longer than its timeout, and names the remaining shards', async () => {
  const store = storeOf([part(5, 'prepared', { keys: 2 })], undefined);
  const words = ['txn', 'resolve', ID, '--timeout', '300ms'];
  const { exit, data, notes } = await kvctl(words, { store });
  assert.deepEqual([exit, data.toString()], [0, 'aborted\n']);
  assert.match(
    notes,
    /the decision is durable and is being sent to all participants: shards 5 9 have not yet/,
  );
});

test('a cluster that cannot be asked is a failure, not an empty list', async () => {
  const { exit, data } = await kvctl(['txn', 'list'], { store: new MemoryStore() });
  assert.deepEqual([exit, data.length], [5, 0]);
});
