/** `kvctl node`: nodes by name or number, what is asked of the catalog, and what is told. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { judge } from '../../cli/health.ts';
import type { MoveInfo, NodeInfo } from '../../cli/node-info.ts';
import { healthText } from '../../cli/printers/health-text.ts';
import type { ClusterMap, NodeRow, ShardRow } from '../../src/catalog/cluster-map.ts';
import { kvctl } from './called.ts';
import { clusterWith, infoOf, mapOn, NODES } from './small-cluster.ts';

const PLAIN = (text: string) => text;

function textOf(map: ClusterMap, infos: readonly (NodeInfo | string)[]): string {
  const answers = new Map(map.nodes.map(({ node }, at) => [node as number, infos[at] ?? '']));
  return healthText(judge(map, answers), PLAIN);
}

function withNode(map: ClusterMap, node: number, change: Partial<NodeRow>): ClusterMap {
  const nodes = map.nodes.map((row) => (row.node === node ? { ...row, ...change } : row));
  return { ...map, nodes };
}

function withShard(map: ClusterMap, shard: number, change: Partial<ShardRow>): ClusterMap {
  const shards = map.shards.map((row) => (row.shard === shard ? { ...row, ...change } : row));
  return { ...map, shards };
}

test('a node is found by name or number, and the catalog is called with the number', async () => {
  for (const name of ['n2', '2', 'n2#2']) {
    const store = clusterWith(NODES);
    const { exit, data } = await kvctl(['node', 'drain', name], { store });
    assert.equal(exit, 0);
    assert.match(data.toString(), /^node 2 \(n2\) is being drained/);
    assert.deepEqual(store.memberships, [{ node: 2, membership: 'draining', isForced: false }]);
  }
});

test('of two nodes with one name the one that is not being removed is meant', async () => {
  const store = clusterWith(NODES);
  const former = withNode(store.clusterMap as ClusterMap, 1, { membership: 'removing' });
  store.clusterMap = withNode(former, 1, { name: 'n3' });
  await kvctl(['node', 'undrain', 'n3'], { store });
  assert.equal(store.memberships[0]?.node, 3);
});

test('removal sends --force only if it was given, and prints its end for programs', async () => {
  const store = clusterWith(NODES);
  const { exit, data } = await kvctl(['node', 'remove', 'n3', '--force', '-o', 'json'], { store });
  assert.equal(exit, 0);
  assert.deepEqual(JSON.parse(data.toString()), { node: 3, name: 'n3', state: 'removed' });
  assert.deepEqual(store.memberships, [{ node: 3, membership: 'removing', isForced: true }]);
  const again = await kvctl(['node', 'remove', '3'], { store });
  assert.deepEqual([again.exit, store.memberships.length], [0, 1], 'it is gone already');
});

test('an unknown node and an unknown action are errors', async () => {
  const store = clusterWith(NODES);
  const unknown = await kvctl(['node', 'drain', 'n9'], { store });
  assert.equal(unknown.exit, 1);
  assert.match(unknown.notes, /no node of the cluster has the name or number "n9"/);
  assert.match(unknown.notes, /1 \(n1\), 2 \(n2\), 3 \(n3\)/);
  assert.equal((await kvctl(['node', 'kill', 'n1'], { store })).exit, 2);
  assert.deepEqual(store.memberships, []);
});

test('status prints moves with amount, rate and obstacle', () => {
  const move: MoveInfo = {
    ...{ shard: 1, from: 2, to: 3, phase: 'entries', done: 900, total: 1000 },
    ...{ perSecond: 300, waitsForNode: 0 },
  };
  const blocked: MoveInfo = { ...move, shard: 0, waitsForNode: 2 };
  const moves = [move, { ...move, phase: 'snapshot', done: 5_200_000 } as const, blocked];
  const leader = infoOf(1, { moves });
  const text = textOf(mapOn(NODES), [leader, infoOf(2), infoOf(3)]);
  assert.match(text, /moving {3}2 in progress, 0 queued, 1 blocked/);
  assert.match(text, /shard 1 from n2 to n3: 900 of 1000 entries, 300\/s/);
  assert.match(text, /shard 1 from n2 to n3: 5.2 MB of the snapshot sent, 300 B\/s/);
  assert.match(text, /the catalog waits for n2, which does not respond/);
});

test('status prints goals that wait for a node, or for other moves', () => {
  const map = withShard(mapOn([1, 2, 3, 4]), 1, { goal: [1, 2, 4] as unknown as ShardRow['goal'] });
  const narrow = withShard(map, 1, {
    goal: [1, 2, 4] as unknown as ShardRow['goal'],
    members: (map.shards[1] as ShardRow).members.filter(({ node }) => node < 4),
  });
  const up = [1, 2, 3].map((node) => infoOf(node));
  assert.match(textOf(narrow, [...up, 'down']), /shard 1 waits for n4, which does not respond/);
  assert.match(textOf(narrow, [...up, infoOf(4)]), /0 in progress, 1 queued, 0 blocked/);
  const none = textOf(narrow, ['down', 'down', 'down', infoOf(4)]);
  assert.match(none, /shard 1 waits for a majority of its replicas/);
});

test('status prints drained, removed and replaced nodes', () => {
  const drained = withNode(mapOn(NODES), 2, { membership: 'draining' });
  const infos = NODES.map((node) => infoOf(node));
  assert.match(textOf(drained, infos), /n2 is drained: it leads only shards/);
  const removed = withNode(mapOn(NODES), 2, { membership: 'removing' });
  assert.match(textOf(removed, infos), /n2 is being removed/);
  const [, , third] = mapOn(NODES).nodes;
  const replaced = withNode(removed, 3, { replaces: 2 as NodeRow['node'] });
  const text = textOf(replaced, [
    infoOf(1),
    `node ${third?.node} answers at its address`,
    infoOf(3),
  ]);
  assert.match(text, /n3 replaces n2, whose data folder was lost/);
  assert.match(text, /n2 \(kv:\S+\) is down and not yet replaced in all shards/);
});
