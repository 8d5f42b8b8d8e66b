/** A replica whose state diverges from the others is found, reported and replaced. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import { isSameHash } from '../../src/storage/state/state-hash.ts';
import type { Computer } from './computer.ts';
import { ScriptedCluster } from './scripted-cluster.ts';

const SHARD = 1 as ShardId;

/** On this computer alone, the next entry that writes a user's key does not write it. */
function loseOneWrite({ core, rotten }: Computer): () => boolean {
  rotten.add(SHARD);
  const store = core?.state.store;
  if (store === undefined) return () => false;
  const apply = store.apply.bind(store);
  let isLost = false;
  store.apply = (shard, entry) => {
    const others = entry.writes.filter(({ section }) => section !== SECTION.values);
    const isHit = !isLost && shard === SHARD && others.length < entry.writes.length;
    if (isHit) isLost = true;
    apply(shard, isHit ? { ...entry, writes: others } : entry);
  };
  return () => isLost;
}

function hashesOf(cluster: ScriptedCluster) {
  return cluster.computers.map(({ core }) => {
    return core?.state.replicas.get(SHARD) === undefined ? undefined : core.state.store.hash(SHARD);
  });
}

function isAlike(cluster: ScriptedCluster): boolean {
  const [first, ...others] = hashesOf(cluster);
  return (
    first !== undefined &&
    others.every((other) => other !== undefined && isSameHash(first, other)) &&
    new Set(cluster.computers.map(({ core }) => core?.state.replicas.get(SHARD)?.applied)).size ===
      1
  );
}

for (const role of ['a follower', 'the leader'] as const) {
  test(`a write that ${role} loses at apply is found and repaired`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const cluster = new ScriptedCluster({ seed, nodes: 3, shards: 1 });
      for (let at = 0; at < 20; at++) cluster.put(`k${at}`, `${at}`);
      const leader = cluster.leaderOf(SHARD);
      const victim =
        role === 'the leader' ? leader : cluster.computers.find((one) => one !== leader);
      ok(victim !== undefined);
      const isLost = loseOneWrite(victim);
      for (let at = 0; at < 20; at++) cluster.put(`k${at}`, `${at} again`);
      cluster.until('a write is lost', isLost);
      const diverged = () => cluster.probes.counts.get('state-diverged') ?? 0;
      cluster.until('it is found', () => diverged() > 0, 3 * NODE_LIMITS.consistencyMilliseconds);
      cluster.until('all are alike again', () => isAlike(cluster));
      cluster.run(3 * NODE_LIMITS.consistencyMilliseconds);
      equal(diverged(), 1, 'what was repaired is left alone');
      for (let at = 0; at < 20; at++) equal(cluster.get(`k${at}`), `${at} again`);
    }
  });
}

test('equal replicas are never reported as different, whatever is written', () => {
  const cluster = new ScriptedCluster({ seed: 5, nodes: 3, shards: 4 });
  for (let round = 0; round < 200; round++) {
    cluster.put(`k${round % 30}`, `${round}`);
    cluster.run(100);
  }
  const compared = cluster.computers.map(({ core }) => core?.consistency.compared ?? 0);
  ok(compared.reduce((sum, count) => sum + count, 0) > 10, `${compared} comparisons`);
  deepEqual(cluster.probes.counts.get('state-diverged'), undefined);
  deepEqual(cluster.probes.counts.get('states-differ'), undefined);
});
