/** The encoding of the map: whole, or as a difference. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { NUMBER_MAX } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { sha256 } from '../../src/base/sha256.ts';
import type { ClusterMap, Member, NodeRow, ShardRow } from '../../src/catalog/cluster-map.ts';
import { decodeMap, encodeMap } from '../../src/catalog/map-bytes.ts';
import { arcStart } from '../../src/ring/arc.ts';
import { randomCommand } from './random-command.ts';
import { founded, joining, Rig, tokenOf } from './rows.ts';

interface Size {
  readonly nodes: number;
  readonly shards: number;
  readonly members: number;
  readonly goal: number;
  readonly textBytes: number;
}

/** A map with the longest encoding of every field. */
function largeMap({ nodes, shards, members, goal, textBytes }: Size): ClusterMap {
  const version = NUMBER_MAX;
  const text = (bytesMax: number) => 'x'.repeat(Math.min(bytesMax, textBytes));
  const { nameBytesMax, urlBytesMax, zoneBytesMax, clusterIdBytesMax } = CATALOG_LIMITS;
  const basis = { weight: 65_536, zone: text(zoneBytesMax) };
  const url = text(urlBytesMax);
  const nodeRow = (_: unknown, at: number): NodeRow => ({
    ...{ node: (at + 1) as NodeId, revision: version, tokenDigest: sha256(tokenOf(at)) },
    ...{ incarnation: version, life: version, name: text(nameBytesMax) },
    ...{ peerUrl: url, clientUrl: url, ...basis, basis: { ...basis, isDrained: true } },
    ...{ membership: 'removing', replaces: nodes as NodeId },
  });
  const member = (_: unknown, at: number): Member => ({
    node: (nodes - members + at + 1) as NodeId,
    member: (NUMBER_MAX - at) as MemberId,
    isWanted: true,
    isVoter: true,
  });
  const shardRow = (_: unknown, at: number): ShardRow => ({
    ...{ shard: at as ShardId, revision: version, epoch: version, term: version },
    from: at === 0 ? 0 : arcStart(at - 1, shards),
    to: at === 0 ? 0 : arcStart(at, shards),
    ...{ founder: NUMBER_MAX as MemberId, isFounded: true, preferredNode: nodes as NodeId },
    goal: Array.from({ length: goal }, (_, rank) => (nodes - goal + rank + 1) as NodeId),
    members: Array.from({ length: members }, member),
  });
  return {
    ...{ version, clusterId: text(clusterIdBytesMax), settings: { shards, replicas: goal } },
    ...{ nextNode: (nodes + 1) as NodeId, aimedAt: version },
    nodes: Array.from({ length: nodes }, nodeRow),
    shards: Array.from({ length: shards + 1 }, shardRow),
  };
}

test('a map of 1024 shards with five members each is small enough to be sent whole', (t) => {
  const map = largeMap({ nodes: 100, shards: 1024, members: 5, goal: 5, textBytes: 40 });
  const bytes = encodeMap(map, 0);
  t.diagnostic(`${bytes.length} bytes`);
  assert.ok(bytes.length < 192 * 1024);
  assert.deepEqual(decodeMap(bytes, undefined), map);
});

test('the largest map that the limits allow is within the limit of bytes', (t) => {
  const { nodesMax, shardsMax, membersMax, replicasMax } = CATALOG_LIMITS;
  const size = { nodes: nodesMax, shards: shardsMax, members: membersMax, goal: replicasMax };
  const map = largeMap({ ...size, textBytes: 1000 });
  const bytes = encodeMap(map, 0);
  t.diagnostic(`${bytes.length} bytes`);
  assert.ok(bytes.length <= CATALOG_LIMITS.mapBytesMax);
  assert.deepEqual(decodeMap(bytes, undefined), map);
});

test('a receiver with an older map needs the difference only, and gets the same map', () => {
  const random = new Random(21);
  for (let life = 0; life < 40; life++) {
    const rig = new Rig();
    const former: ClusterMap[] = [];
    for (let step = 0; step < 80; step++) {
      rig.say(randomCommand(random, rig.catalog.map));
      const { map } = rig.catalog;
      if (map === undefined) continue;
      former.push(map);
      const known = random.pick(former);
      const since = random.chance(0.8) ? known.version : random.below(known.version + 1);
      assert.deepEqual(decodeMap(encodeMap(map, since), known), map);
      assert.deepEqual(decodeMap(encodeMap(known, 0), map), map, 'an older map changes nothing');
      assert.deepEqual(decodeMap(encodeMap(map, 0), undefined), map);
    }
  }
});

test('the size of a difference follows the changes', () => {
  const rig = founded(3, { shards: 1024 });
  const { version } = rig.map;
  rig.report(7, { term: 1, voters: [1007] });
  assert.ok(encodeMap(rig.map, version).length < 80);
});

test('a difference that begins after the known version is ignored', () => {
  const rig = founded(2);
  const known = rig.map;
  rig.mustSay(joining(3));
  const { version } = rig.map;
  rig.mustSay(joining(4));
  assert.equal(decodeMap(encodeMap(rig.map, version), known), undefined);
  assert.equal(decodeMap(encodeMap(rig.map, version), undefined), undefined);
});

test('the map of another cluster is ignored', () => {
  const rig = founded(2);
  const other = { ...rig.map, clusterId: 'elsewhere', version: 99 };
  assert.equal(decodeMap(encodeMap(other, 0), rig.map), undefined);
});

test('an inconsistent map is ignored', () => {
  const { map } = founded(2);
  const [catalog, first, ...others] = map.shards as [ShardRow, ShardRow, ...ShardRow[]];
  const withFirst = (fault: Partial<ShardRow>): ClusterMap => ({
    ...map,
    shards: [catalog, { ...first, ...fault }, ...others],
  });
  const member = first.members[0] as Member;
  const faults: ClusterMap[] = [
    { ...map, shards: [catalog, ...others] },
    { ...map, shards: [catalog, first, ...others].reverse() },
    { ...map, nodes: [] },
    { ...map, nextNode: 2 as NodeId },
    { ...map, version: 1 },
    { ...map, aimedAt: 99 },
    withFirst({ from: 1 }),
    withFirst({ to: 2 ** 30 + 1 }),
    withFirst({ goal: [] }),
    withFirst({ goal: [2, 1] as NodeId[] }),
    withFirst({ goal: [9] as NodeId[] }),
    withFirst({ preferredNode: 2 as NodeId }),
    withFirst({ members: [] }),
    withFirst({ members: [{ ...member, isWanted: false }] }),
    withFirst({ members: [{ ...member, node: 9 as NodeId }] }),
    withFirst({ members: [member, { ...member, node: 2 as NodeId }] }),
    withFirst({
      members: [
        { ...member, node: 2 as NodeId },
        { ...member, member: 5 as MemberId },
      ],
    }),
  ];
  for (const fault of faults) assert.equal(decodeMap(encodeMap(fault, 0), undefined), undefined);
});
