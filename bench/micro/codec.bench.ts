/** The cost of values that are declared as schemas, next to those with a hand-written codec. */

import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import type { ClusterMap, NodeRow, ShardRow } from '../../src/catalog/cluster-map.ts';
import { decodeMap, encodeMap } from '../../src/catalog/map-bytes.ts';
import type { Prepare } from '../../src/machine/transaction.ts';
import { decodePrepare, encodePrepare } from '../../src/machine/transaction-codec.ts';
import { arcStart } from '../../src/ring/arc.ts';
import { decodeHello, encodeHello, type Hello } from '../../src/wire/hello.ts';
import {
  decodeNodeMessages,
  encodeNodeMessages,
  type NodeMessage,
} from '../../src/wire/node-message.ts';
import { decodeRequests, encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, encodeResponses, type Response } from '../../src/wire/response.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const CALLS = 200;
const SHARDS = 64;
const NODES = 5;
const ID = { home: 0x8000_0000, client: new Uint8Array(16).fill(9), sequence: 70_000 };
const KEY = new Uint8Array(16).fill(1);

export async function run(): Promise<BenchRow[]> {
  const map = clusterMap();
  return measure([
    ...both(
      'map of 64 shards',
      1,
      () => encodeMap(map, 0),
      (bytes) => decodeMap(bytes, undefined),
    ),
    ...both('hello of a peer', CALLS, () => encodeHello(HELLO), decodeHello),
    ...both('prepare of two keys', CALLS, () => encodePrepare(PREPARE), decodePrepare),
    ...both('forward', CALLS, () => encodeNodeMessages([FORWARD]), decodeNodeMessages),
    ...both('write request', CALLS, () => encodeRequests([WRITE]), decodeRequests),
    ...both('read request', CALLS, () => encodeRequests([READ]), decodeRequests),
    ...both('step request', CALLS, () => encodeRequests([STEP]), decodeRequests),
    ...both('written response', CALLS, () => encodeResponses([WRITTEN]), decodeResponses),
  ]);
}

function both(
  name: string,
  operations: number,
  encode: () => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): BenchTask[] {
  const bytes = encode();
  const repeat = (work: () => number) => () => {
    let sum = 0;
    for (let call = 0; call < operations; call++) sum += work();
    return sum;
  };
  const read = () => (decode(bytes) === undefined ? 0 : 1);
  return [
    { name: `encode ${name}`, operations, work: repeat(() => encode().length) },
    { name: `decode ${name}`, operations, work: repeat(read) },
  ];
}

const HELLO: Hello = {
  type: 'peer',
  versionMin: 1,
  versionMax: 1,
  features: [],
  cluster: 'Xh3kQ0aPz1Lm',
  from: 3 as NodeId,
  to: 4 as NodeId,
  lineage: { incarnation: 12, words: [4_294_967_295, 3_000_000_000, 7, 1] },
  generation: 400,
  lane: 'main',
  isGuarded: true,
  nonce: new Uint8Array(16).fill(3),
};

const PREPARE: Prepare = {
  id: ID,
  attempts: 1,
  age: 1_700_000_000_000,
  participants: [
    { position: ID.home, deadline: 1_700_000_005_000 },
    { position: 9, deadline: 1_700_000_005_000 },
  ],
  at: 1,
  operations: [
    { type: 'check-version', key: KEY, version: 100_000 },
    { type: 'set', key: KEY, value: new Uint8Array(64), lifeMilliseconds: 0 },
  ],
};

const FORWARD: NodeMessage = { type: 'forward', id: 9000, client: 3, request: new Uint8Array(120) };
const ADDRESS = { id: 70_000, shard: 12 as ShardId, epoch: 3 };
const WRITE: Request = { type: 'write', ...ADDRESS, batch: new Uint8Array(120) };
const STEP: Request = { type: 'step', ...ADDRESS, step: 'prepare', bytes: new Uint8Array(120) };
const READ: Request = {
  ...{ type: 'read', ...ADDRESS, level: { type: 'linearizable' } },
  ...{ patienceMilliseconds: 5000, keys: [KEY] },
};
const WRITTEN: Response = {
  ...{ type: 'written', id: 70_000, time: 1_700_000_000_000 },
  replies: [new Uint8Array(8)],
};

function clusterMap(): ClusterMap {
  const nodes = Array.from({ length: NODES }, (_, at): NodeRow => {
    const basis = { weight: 100, zone: `zone-${at}` };
    return {
      ...{ node: (at + 1) as NodeId, revision: 9, tokenDigest: new Uint8Array(32) },
      ...{ incarnation: 3, life: 4_000_000_000, name: `node-${at}` },
      ...{ peerUrl: `ws://10.0.0.${at}:7000`, clientUrl: `ws://10.0.0.${at}:7001`, ...basis },
      ...{ basis: { ...basis, isDrained: false }, membership: 'active', replaces: 0 as NodeId },
    };
  });
  const shards = Array.from({ length: SHARDS + 1 }, (_, shard): ShardRow => {
    const goal = [1, 2, 3] as NodeId[];
    const member = (node: NodeId) => {
      const id = (2 ** 51 + shard * 8 + node) as MemberId;
      return { node, member: id, isWanted: true, isVoter: true };
    };
    return {
      ...{ shard: shard as ShardId, revision: 10, epoch: 1, isFounded: true, term: 3 },
      from: shard === 0 ? 0 : arcStart(shard - 1, SHARDS),
      to: shard === 0 ? 0 : arcStart(shard, SHARDS),
      ...{ founder: (2 ** 51) as MemberId, goal, preferredNode: 1 as NodeId },
      members: goal.map(member),
    };
  });
  return {
    ...{ version: 10, clusterId: 'Xh3kQ0aPz1Lm', settings: { shards: SHARDS, replicas: 3 } },
    ...{ nextNode: (NODES + 1) as NodeId, aimedAt: 9, nodes, shards },
  };
}
