/** The verdict on a cluster, from what its map and its nodes say. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { awaitHealth } from '../../cli/awaiting.ts';
import { judge } from '../../cli/health.ts';
import type { NodeInfo } from '../../cli/node-info.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';
import { clusterWith, infoOf, mapOn, NODES } from './small-cluster.ts';

function answersOf(...infos: readonly (NodeInfo | string)[]): Map<number, NodeInfo | string> {
  return new Map(infos.map((info, at) => [at + 1, info]));
}

test('all healthy: as many nodes may fail as every shard tolerates', () => {
  const { verdict, canLose, reasons } = judge(
    mapOn(NODES),
    answersOf(...NODES.map((n) => infoOf(n))),
  );
  assert.deepEqual([verdict, canLose, reasons], ['HEALTHY', 1, []]);
  const alone = judge(mapOn([1]), answersOf(infoOf(1)));
  assert.deepEqual([alone.verdict, alone.canLose], ['HEALTHY', 0]);
  const five = [1, 2, 3, 4, 5];
  const many = judge(mapOn(five), answersOf(...five.map((n) => infoOf(n))));
  assert.deepEqual([many.verdict, many.canLose], ['HEALTHY', 2]);
});

test('one of three nodes down is degraded, and nothing more may fail', () => {
  const health = judge(mapOn(NODES), answersOf(infoOf(1), infoOf(2), 'connect ECONNREFUSED'));
  assert.deepEqual([health.verdict, health.canLose], ['DEGRADED', 0]);
  assert.deepEqual(health.reasons, [
    'n3 (kv://10.0.0.3:7400) is unreachable: connect ECONNREFUSED',
  ]);
});

test('a node that answers at the address of another one is not that node', () => {
  const health = judge(mapOn(NODES), answersOf(infoOf(1), infoOf(2), infoOf(4)));
  assert.deepEqual([health.verdict, health.canLose], ['DEGRADED', 0]);
  assert.deepEqual(health.reasons, [
    'n3 (kv://10.0.0.3:7400) is unreachable: node 4 answers at its address',
  ]);
});

test('a shard without its majority, or without a leader, is unavailable', () => {
  const down = 'no route';
  const lost = judge(mapOn(NODES), answersOf(infoOf(1), down, down));
  assert.equal(lost.verdict, 'UNAVAILABLE');
  assert.match(
    lost.reasons[0] ?? '',
    /^the catalog has lost its majority: 1 of 3 replicas are up$/,
  );
  const leaderless = judge(mapOn(NODES), answersOf(down, infoOf(2), infoOf(3)));
  assert.deepEqual(
    [leaderless.verdict, leaderless.reasons[1]],
    ['UNAVAILABLE', 'shard 1 has no leader'],
  );
});

test('of two replicas that claim to lead, the one of the higher term does', () => {
  const second = infoOf(2);
  const replicas = second.replicas.map((one) => ({ ...one, role: 'leader', term: 4 }));
  const health = judge(mapOn(NODES), answersOf(infoOf(1), infoOf(2, { replicas }), infoOf(3)));
  assert.deepEqual(
    health.shards.map(({ leaderNode, term }) => [leaderNode, term]),
    [
      [2, 4],
      [2, 4],
      [2, 4],
    ],
  );
});

test('new replicas are normal work, unless a node of their goal is down', () => {
  const growing = judge(mapOn(NODES, [1, 2]), answersOf(infoOf(1), infoOf(2), infoOf(3)));
  assert.deepEqual([growing.verdict, growing.canLose], ['HEALTHY', 0]);
  assert.deepEqual(
    growing.shards.map(({ state }) => state),
    ['moving', 'moving', 'moving'],
  );
  const stuck = judge(mapOn(NODES, [1, 2]), answersOf(infoOf(1), infoOf(2), 'no route'));
  assert.equal(stuck.verdict, 'DEGRADED');
  assert.match(stuck.reasons[1] ?? '', /^the catalog has 2 of 3 replicas$/);
});

test('a shard is ok only with all its replicas up', () => {
  const statesOf = (...infos: readonly (NodeInfo | string)[]) =>
    judge(mapOn(NODES), answersOf(...infos)).shards.map(({ state }) => state);
  const [first, second, third] = [infoOf(1), infoOf(2), infoOf(3)];
  assert.deepEqual(statesOf(first, second, third), ['ok', 'ok', 'ok']);
  assert.deepEqual(statesOf(first, second, 'down'), ['2 of 3 up', '2 of 3 up', '2 of 3 up']);
  assert.deepEqual(statesOf('down', second, third), ['no leader', 'no leader', 'no leader']);
  assert.equal(statesOf(first, 'down', 'down')[0], 'no majority');
});

test('a replica whose state is replaced is named, and so are replicas that differ', () => {
  const [first, second, third] = [infoOf(1), infoOf(2), infoOf(3)];
  const replicas = third.replicas.map((one) => ({ ...one, isQuarantined: one.shard === 2 }));
  const repaired = judge(mapOn(NODES), answersOf(first, second, { ...third, replicas }));
  assert.equal(repaired.verdict, 'DEGRADED');
  assert.deepEqual(
    repaired.shards.map(({ state }) => state),
    ['ok', 'ok', 'repairing'],
  );
  assert.deepEqual(repaired.reasons, [
    'n3 (kv://10.0.0.3:7400) waits for an intact snapshot of shard 2: its state is damaged',
  ]);
  const differing = { ...first, consistency: { undecided: [1] } };
  assert.deepEqual(judge(mapOn(NODES), answersOf(differing, second, third)).reasons, [
    'the replicas of shard 1 have different states, and no majority agrees',
  ]);
});

test('a node that its peers have not confirmed yet does not count as sound', () => {
  const waiting = infoOf(3, { unconfirmed: 'node 1 hears another life of it' });
  const { verdict, reasons } = judge(mapOn(NODES), answersOf(infoOf(1), infoOf(2), waiting));
  assert.equal(verdict, 'DEGRADED');
  assert.match(reasons[0] ?? '', /^n3 .* does not serve yet: node 1 hears another life of it$/);
});

test('a node has its name, and its number too if the name is ambiguous', () => {
  const map = mapOn(NODES);
  const nodes = map.nodes.map((row) => ({ ...row, name: row.node === 1 ? '' : 'n2' }));
  const health = judge({ ...map, nodes }, answersOf('down', infoOf(2), 'down'));
  assert.deepEqual(
    health.nodes.map(({ label }) => label),
    ['1', 'n2#2', 'n2#3'],
  );
  assert.match(health.reasons.join('\n'), /^node 1 \(kv:.*^n2#3 \(kv:/ms);
});

test('a node of another cluster is not the node that was at its address', () => {
  const foreign = infoOf(3, { cluster: 'c2' });
  const { reasons, verdict } = judge(mapOn(NODES), answersOf(infoOf(1), infoOf(2), foreign));
  assert.equal(verdict, 'DEGRADED');
  assert.match(reasons[0] ?? '', /n3 .* a node of cluster c2 answers at its address/);
});

test('nodes of two clusters are a split, in any order', async () => {
  const store = clusterWith(NODES);
  store.infos.set('kv://10.0.0.9:7400', infoOf(1, { cluster: 'c2' }));
  store.urls = ['kv://10.0.0.9:7400'];
  const { exit, data } = await kvctl(['status'], { store });
  const [first, ...rest] = data.toString().split('\n');
  assert.deepEqual([exit, first], [9, 'SPLIT  the nodes belong to different clusters']);
  assert.match(rest.join('\n'), /^why +cluster c2: node 1 \(kv:\/\/10\.0\.0\.9:7400\)$/m);
  assert.match(rest.join('\n'), /^why +cluster c1: node 1 .*, node 2 .*, node 3 /m);
  // Without any map it is told all the same.
  store.clusterMap = new Error('no map');
  store.urls = ['kv://10.0.0.9:7400', 'ws://10.0.0.1:7400'];
  assert.equal((await kvctl(['status', '-o', 'json'], { store })).exit, 9);
});

test('a cluster that is not the configured one is reported as a split', async () => {
  const store = clusterWith(NODES);
  store.cluster = 'c0ffee';
  const { exit, data } = await kvctl(['status'], { store });
  assert.equal(exit, 9);
  const [first] = data.toString().split('\n');
  assert.equal(first, 'SPLIT  the nodes belong to another cluster than the configured one');
  assert.match(data.toString(), /cluster c0ffee: configured, but no queried node belongs to it/);
  assert.match(data.toString(), /cluster c1: .*; it is not the configured one/);
});

test('a cluster is up only when its shards have all their replicas', async () => {
  const store = clusterWith(NODES);
  store.clusterMap = mapOn(NODES, [1, 2]);
  const told: string[] = [];
  const health = await awaitHealth({
    connect: () => Promise.resolve(store),
    nodesMin: 3,
    fault: () => undefined,
    onProgress: (text) => {
      told.push(text);
      store.clusterMap = mapOn(NODES);
    },
    timeoutMilliseconds: 60_000,
    pauseMilliseconds: 1,
  });
  assert.deepEqual([health.canLose, told], [1, ['0 of 3 shards have all their replicas']]);
});

test('a change of leaders is waited for, and reported only if it does not end', async () => {
  const store = clusterWith(NODES);
  const electing = NODES.map((node) => {
    const info = infoOf(node);
    return { ...info, replicas: info.replicas.map((one) => ({ ...one, role: 'follower' })) };
  });
  let looks = 0;
  const info = store.info.bind(store);
  store.info = (url) => {
    looks += 1;
    const node = NODES.find((one) => url.includes(`10.0.0.${one}:`));
    const early = looks <= NODES.length ? electing[(node ?? 0) - 1] : undefined;
    return early === undefined ? info(url) : Promise.resolve(early);
  };
  const { exit, data } = await kvctl(['status'], { store });
  assert.equal(exit, 0, data.toString());
  assert.ok(looks > NODES.length, 'it looked again');
});

test('a stopped replica and a full disk are degraded', () => {
  const third = infoOf(3);
  const replicas = third.replicas.map((one) => {
    return one.shard === 2 ? { ...one, stopReason: 'unknown entry' } : one;
  });
  const doubting = third.replicas.map((one) => ({ ...one, doubt: one.shard === 1 ? 'why' : '' }));
  const log = { ...third.log, damages: 2 };
  const audit = { isWorking: false, lines: 9, dropped: 1, sequence: 9, head: '' };
  const cases: readonly (readonly [ClusterMap, NodeInfo, RegExp, number])[] = [
    [mapOn(NODES), infoOf(3, { replicas: doubting }), /not follow the leader of shard 1: why/, 1],
    [mapOn(NODES), infoOf(3, { replicas }), /has stopped its replica of shard 2: unknown entry/, 0],
    [mapOn(NODES), infoOf(3, { isReadOnly: true }), /refuses writes: its disk is nearly full/, 1],
    [mapOn(NODES), infoOf(3, { isClosing: true }), /is shutting down/, 1],
    [mapOn(NODES), infoOf(3, { audit }), /cannot write its audit trail/, 1],
    [mapOn(NODES), infoOf(3, { log }), /found 2 damaged places in its log/, 1],
  ];
  for (const [map, info, reason, canLose] of cases) {
    const health = judge(map, answersOf(infoOf(1), infoOf(2), info));
    assert.deepEqual([health.verdict, health.canLose], ['DEGRADED', canLose], String(reason));
    assert.match(health.reasons[0] ?? '', reason);
  }
});

test('status prints the verdict first, and exits with 0, 1 or 8', async () => {
  const healthy = await kvctl(['status'], { store: clusterWith(NODES) });
  assert.equal(
    healthy.data.toString(),
    `HEALTHY  can lose 1 of 3 nodes
cluster  c1
nodes    3 up (n1, n2, n3), 0 down
shards   2, all with 3 of 3 replicas up, leaders 2/0/0
moving   none
disk     3.7 MB in the logs, slowest sync 2.5 ms
lag      0 entries at most
`,
  );
  assert.equal(healthy.exit, 0);
  const busy = clusterWith([1, 2, 3]);
  const used = {
    watch: { streams: 12, lagEntries: 3 },
    coordination: { leases: 5, owning: 2, waiting: 7 },
  };
  busy.infos.set('ws://10.0.0.1:7400', infoOf(1, used));
  const told = (await kvctl(['status'], { store: busy })).data.toString().split('\n');
  assert.deepEqual(told.slice(-3), [
    'watches  12 streams, the slowest 3 entries behind',
    'locks    2 owners, 7 clients wait, 5 leases',
    '',
  ]);
  const degraded = await kvctl(['status'], { store: clusterWith([1, 2]) });
  assert.deepEqual(
    [degraded.exit, degraded.data.toString().split('\n')[1]],
    [1, 'why      n3 (kv://10.0.0.3:7400) is unreachable: connection refused'],
  );
  const unavailable = await kvctl(['status', '-o', 'json'], { store: clusterWith([3]) });
  const { verdict, schemaVersion } = JSON.parse(unavailable.data.toString());
  assert.deepEqual([unavailable.exit, verdict, schemaVersion], [8, 'UNAVAILABLE', 1]);
  const unreachable = await kvctl(['status'], { store: new MemoryStore() });
  assert.deepEqual([unreachable.exit, unreachable.data.toString()], [8, 'UNAVAILABLE\n']);
});

test('nodes and shards have a row for each', async () => {
  const store = clusterWith([1, 2]);
  const rowsOf = async (verb: string) =>
    (await kvctl([verb], { store })).data.toString().trimEnd().split('\n');
  assert.deepEqual(await rowsOf('nodes'), [
    '1\tn1\tup\tkv://10.0.0.1:7400\t-\t1\t3\t2\t1\t1.2 MB',
    '2\tn2\tup\tkv://10.0.0.2:7400\t-\t1\t3\t0\t1\t1.2 MB',
    '3\tn3\tdown\tkv://10.0.0.3:7400\t-\t1\t-\t-\t-\t-',
  ]);
  assert.deepEqual(await rowsOf('shards'), [
    '0\tcatalog\tn1\t3\tn1 n2 n3\tn3\t0\t2 of 3 up',
    '1\t00000000\tn1\t3\tn1 n2 n3\tn3\t0\t2 of 3 up',
    '2\t80000000\tn1\t3\tn1 n2 n3\tn3\t0\t2 of 3 up',
  ]);
});

test('ring prints the shard of a key and the reasons of its placement', async () => {
  const { data } = await kvctl(['ring', 'user:7'], { store: clusterWith(NODES) });
  const [, position, shard, replicas, , first] = data.toString().split('\n');
  assert.equal(position, 'position 59fd6ff3');
  assert.equal(shard, 'shard    1, the arc from 00000000 up to 80000000');
  assert.equal(replicas, 'replicas on nodes 1, 2, 3, node 1 should lead');
  assert.match(
    first ?? '',
    /^1\t\d\tkv:\S+\t-\t2 of 2\treplica: the next eligible node clockwise$/,
  );
});

test('names in a map cannot control a terminal, or break a line that a program reads', async () => {
  const store = clusterWith(NODES);
  const map = mapOn(NODES);
  const nodes = map.nodes.map((row) => ({
    ...row,
    zone: 'a\u001b[2J\nb',
    name: 'n\u009b31m',
    clientUrl: `${row.clientUrl}\u202e`,
  }));
  store.clusterMap = { ...map, nodes };
  for (const verb of ['nodes', 'shards', 'status']) {
    for (const columns of [undefined, 200]) {
      const environment = { NO_COLOR: '1' };
      const scene = { store, environment, ...(columns === undefined ? {} : { columns }) };
      const { data, notes } = await kvctl([verb], scene);
      const lines = `${data}${notes}`.replaceAll(/[\n\t]/g, '');
      assert.doesNotMatch(lines, /[\p{Cc}\p{Cf}]/u, verb);
    }
  }
  const { data } = await kvctl(['nodes'], { store });
  assert.equal(data.toString().trim().split('\n').length, NODES.length);
});
