/** Requests that clients may make, and those that only nodes may; also if they are forwarded. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import type { CatalogCommand } from '../../src/catalog/command.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import { AccessControl } from '../../src/node/access-control.ts';
import { isForNodesOnly, mayJoin } from '../../src/node/client-door.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Relay } from '../../src/node/relay.ts';
import { Requests } from '../../src/node/requests.ts';
import { Router } from '../../src/node/router.ts';
import { NO_SECRET, proofOfJoining } from '../../src/wire/proof.ts';
import type { Request } from '../../src/wire/request.ts';
import { describe, foundation, joining, tokenOf } from '../catalog/rows.ts';
import { clientOf } from '../machine/machine-rig.ts';

const NODE = 2 as NodeId;
const SHARD = 3 as ShardId;
const MEMBER = 30 as MemberId;
const ABOUT = { id: 1, shard: SHARD, epoch: 1 };
const OWNER = { id: { home: 0, client: clientOf(1), sequence: 1 }, attempts: 0, age: 5 };
const TERMS = { level: { type: 'linearizable' }, patienceMilliseconds: 100 } as const;
const VALIDATE = { type: 'validate', ...ABOUT, ...TERMS, checks: new Uint8Array() } as const;
const LINEAGE = { incarnation: 2 ** 51, words: [1] };
const ABOUT_NODE = { node: NODE, joinToken: tokenOf(2), description: describe('moved') };
const REMOVAL = { node: NODE, revision: 1, membership: 'removing', isForced: false } as const;

const OF_NODES: readonly CatalogCommand[] = [
  foundation(),
  { type: 'announce', ...ABOUT_NODE, lineage: LINEAGE },
  { type: 'aim', aimedAt: 0, nodes: [], shards: [] },
  { type: 'place', shard: SHARD, revision: 1, members: [] },
  { type: 'report', shard: SHARD, revision: 1, term: 2 ** 51, voters: [MEMBER], learners: [] },
  { type: 'lose', shard: SHARD, member: MEMBER },
];
const OF_CLIENTS: readonly CatalogCommand[] = [joining(2), { type: 'set-membership', ...REMOVAL }];

function commanding(command: CatalogCommand | Uint8Array): Request {
  const bytes = command instanceof Uint8Array ? command : encodeCommand(command);
  return { type: 'command', id: 1, command: bytes };
}

test('a client may send the catalog commands join and set-membership only', () => {
  for (const command of OF_NODES) equal(isForNodesOnly(commanding(command)), true, command.type);
  for (const command of OF_CLIENTS) equal(isForNodesOnly(commanding(command)), false, command.type);
  equal(isForNodesOnly(commanding(Uint8Array.of(0x91, 99))), true, 'what is not known');
});

test('a step of a transaction is for nodes alone: no client prepares or resolves anything', () => {
  for (const step of ['prepare', 'resolve'] as const) {
    equal(isForNodesOnly({ type: 'step', ...ABOUT, step, bytes: new Uint8Array() }), true);
  }
  equal(isForNodesOnly({ ...VALIDATE, owner: OWNER }), true);
  equal(isForNodesOnly({ ...VALIDATE, owner: undefined }), false, 'for itself it may');
});

type Served = ConstructorParameters<typeof Requests>[0];

test('requests for nodes only are refused before they are forwarded, and after it', () => {
  const passed: Request['type'][] = [];
  const relay = {
    leaderOf: () => NODE,
    forward: (_to: NodeId, request: Request) => {
      passed.push(request.type);
      return true;
    },
  } as unknown as Relay;
  const node = {
    now: 0,
    map: undefined,
    replicas: { get: () => undefined },
  } as unknown as NodeState;
  const access = new AccessControl(node);
  const others = { transactions: {}, report: {}, access } as unknown as Omit<
    Served,
    'node' | 'router'
  >;
  const requests = new Requests({ node, router: new Router(node, relay), ...others });
  const failures: string[] = [];
  const ask = (isClient: boolean, isForwarded: boolean) => {
    const respond: Parameters<Requests['route']>[1]['responder']['respond'] = (response) => {
      failures.push(response.type === 'failed' ? response.failure : response.type);
    };
    const request = commanding(OF_NODES[5] as CatalogCommand);
    requests.route(request, { responder: { respond, isClient }, isForwarded });
  };
  ask(true, false);
  ask(true, true);
  deepEqual([passed, failures], [[], ['nodes-only', 'nodes-only']]);
  ask(false, false);
  deepEqual(passed, ['command'], 'a node of its own account');
});

test('a node that joins has the secret of the cluster, or none where there is none', () => {
  const secret = new Uint8Array(16).fill(1);
  const joinToken = tokenOf(2);
  const cluster = 'home';
  const proof = proofOfJoining(secret, { cluster, joinToken });
  const join = { type: 'join', joinToken, description: describe('two'), proof: undefined } as const;
  equal(mayJoin({ ...join, proof }, { secret, cluster }), true);
  equal(mayJoin(join, { secret, cluster }), false, 'none is proven');
  equal(mayJoin({ ...join, proof }, { secret, cluster: 'other' }), false);
  equal(mayJoin({ ...join, proof, joinToken: tokenOf(3) }, { secret, cluster }), false);
  equal(mayJoin(join, { secret: NO_SECRET, cluster }), true);
  equal(mayJoin({ ...join, proof }, { secret: NO_SECRET, cluster }), false);
});
