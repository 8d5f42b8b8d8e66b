/** A peer is believed as far as the map allows: its own members, plausible maps. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { encodeMap } from '../../src/catalog/map-bytes.ts';
import { MapCache } from '../../src/node/map-cache.ts';
import { MemberPlaces } from '../../src/node/member-places.ts';
import type { NodeFact } from '../../src/node/node-fact.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { PeerFrames } from '../../src/node/peer-frames.ts';
import { Peers } from '../../src/node/peers.ts';
import { encodeFrame } from '../../src/wire/frame.ts';
import { encodeNodeMessages } from '../../src/wire/node-message.ts';
import { mapOf } from '../client/model/map.ts';

const [TWO, THREE, FOUR] = [2 as NodeId, 3 as NodeId, 4 as NodeId];
const SHARD = 1 as ShardId;
const SELF = 1 as MemberId;
const { mapStepMax } = CATALOG_LIMITS;

class Rig {
  readonly facts: NodeFact[] = [];
  readonly received: number[] = [];
  readonly peers = new Peers();
  readonly maps: MapCache;
  readonly frames: PeerFrames;
  readonly map: ClusterMap;

  constructor() {
    this.map = mapOf({ nodes: 4, shards: 2, version: 100 });
    this.maps = new MapCache({ bytes: encodeMap(this.map, 0), onWork: () => {} });
    this.peers.set([TWO, THREE, FOUR], 0);
    const replica = {
      member: SELF,
      receive: ({ from }: { readonly from: number }) => void this.received.push(from),
    };
    const maps = this.maps;
    const { peers } = this;
    const node = {
      now: 0,
      maps,
      places: new MemberPlaces(),
      isHeard: (peer: NodeId) => peers.isHeard(peer, 0),
      tell: () => {},
      get map() {
        return maps.map;
      },
      peers,
      log: { fullness: 'roomy' },
      replicas: { get: (shard: ShardId) => (shard === SHARD ? replica : undefined) },
      mention: (fact: NodeFact) => void this.facts.push(fact),
    } as unknown as NodeState;
    const others = { requests: {}, consistency: {}, ownLife: {} };
    const options = { node, ...others } as unknown;
    this.frames = new PeerFrames(options as ConstructorParameters<typeof PeerFrames>[0]);
  }

  /** A map of this version, from a peer. */
  tellMap(from: NodeId, version: number): void {
    const map = encodeMap({ ...this.map, version }, 0);
    this.frames.take(from, encodeNodeMessages([{ type: 'map', map }]));
  }

  beat(from: NodeId, mapVersion: number): void {
    this.frames.take(from, encodeNodeMessages([{ type: 'beat', mapVersion, isReadOnly: false }]));
  }

  /** A message of a member, from a node. */
  speak(from: NodeId, member: MemberId): boolean {
    const about = { shard: SHARD, from: member, to: SELF, term: 1 };
    return this.frames.take(from, encodeFrame([{ type: 'campaign-now', ...about }]));
  }

  get types(): readonly string[] {
    return this.facts.map(({ type }) => type);
  }
}

test('one map of a huge version is ignored: most nodes have to report it', () => {
  const rig = new Rig();
  rig.tellMap(TWO, 100 + mapStepMax + 1);
  deepEqual([rig.maps.map?.version, rig.types], [100, ['map-refused']]);
  rig.beat(TWO, 2 ** 52);
  rig.tellMap(TWO, 2 ** 52);
  equal(rig.maps.map?.version, 100, 'its own word is one of three');
  rig.beat(THREE, 2 ** 52);
  rig.tellMap(THREE, 2 ** 52);
  equal(rig.maps.map?.version, 2 ** 52, 'two of three cannot be wrong about it');
});

test('a map that is a little newer is accepted from one node', () => {
  const rig = new Rig();
  rig.tellMap(TWO, 101);
  rig.tellMap(THREE, 101 + mapStepMax);
  deepEqual([rig.maps.map?.version, rig.types], [101 + mapStepMax, []]);
});

test('an unauthenticated address may bring only slightly newer maps', () => {
  const rig = new Rig();
  const told = (version: number) => rig.maps.take(encodeMap({ ...rig.map, version }, 0));
  equal(told(101 + mapStepMax), false);
  equal(rig.maps.map?.version, 100);
  equal(told(100 + mapStepMax), true);
  const newcomer = new MapCache({ bytes: new Uint8Array(), onWork: () => {} });
  equal(newcomer.take(encodeMap({ ...rig.map, version: 2 ** 40 }, 0)), true, 'it knows none yet');
});

test('a message of a member is accepted only from its node', () => {
  const rig = new Rig();
  const row = rig.map.shards[SHARD];
  const member = row?.members.find(({ node }) => node === TWO)?.member as MemberId;
  equal(rig.speak(THREE, member), true, 'the frame itself is sound');
  deepEqual([rig.received, rig.types], [[], ['message-refused']]);
  rig.speak(TWO, member);
  deepEqual(rig.received, [member]);
  const newcomer = 987_654 as MemberId;
  rig.speak(FOUR, newcomer);
  deepEqual(rig.received, [member, newcomer], 'the map may not list it yet');
});

test('a malformed frame is reported, and closes the socket', () => {
  const rig = new Rig();
  equal(rig.frames.take(TWO, Uint8Array.of(0xc1)), false);
  equal(rig.frames.take(TWO, Uint8Array.of(0x91, 0x92, 32)), false);
  deepEqual(rig.types, ['frame-refused', 'frame-refused']);
  rig.beat(TWO, 100);
  equal(
    rig.frames.take(TWO, encodeNodeMessages([{ type: 'beat', mapVersion: 1, isReadOnly: false }])),
    true,
  );
});
