/** Which steps of a transaction a shard accepts, and where the rest is forwarded. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS, REQUEST_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { Operation } from '../../src/machine/command.ts';
import {
  encodeOperations,
  encodePrepare,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { AccessControl } from '../../src/node/access-control.ts';
import { Logins } from '../../src/node/logins.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Relay } from '../../src/node/relay.ts';
import { Requests } from '../../src/node/requests.ts';
import { Router } from '../../src/node/router.ts';
import { TransactionService } from '../../src/node/transaction-service.ts';
import type { ReadLevel, Request } from '../../src/wire/request.ts';
import { bytesOf, get, put, WHOLE } from '../machine/machine-rig.ts';
import { nameOf } from '../machine/transaction-rig.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';

const EPOCH = 5;
const ELSEWHERE = 9 as NodeId;
const PATIENCE = 10_000;

class Rig {
  readonly rig = new ReplicaRig();
  readonly forwarded: Request[] = [];
  isClosing = false;
  isReadOnly = false;
  leads = true;
  /** Of the ring, from its beginning, is the shard's. */
  to = 2 ** 32;
  readonly #requests = this.#served();

  constructor() {
    this.rig.lead();
    this.rig.replica.stamp(this.rig.requester().requester, 0, {
      type: 'adopt',
      epoch: EPOCH,
      arc: WHOLE,
    });
    this.rig.turns(4);
  }

  /** Its answer, or undefined. */
  ask(request: Request, isForwarded = false): string {
    const { requester, responses } = this.rig.requester();
    this.#requests.route(request, { responder: requester.responder, isForwarded });
    this.rig.replica.proposeDeferred();
    this.rig.turns(4);
    const [response] = responses;
    return response?.type === 'failed' ? response.failure : (response?.type ?? '');
  }

  prepare(operations: readonly Operation[], epoch = EPOCH): string {
    const participants = [nameOf().home, 1].map((position) => {
      return { position, deadline: this.rig.replica.logTime + PATIENCE };
    });
    const about = { id: nameOf(), attempts: 0, age: 5, participants, at: 1 };
    return this.step('prepare', encodePrepare({ ...about, operations }), epoch);
  }

  step(step: 'prepare' | 'resolve', bytes: Uint8Array, epoch = EPOCH): string {
    return this.ask({ type: 'step', id: 1, shard: SHARD, epoch, step, bytes });
  }

  validate(operations: readonly Operation[], about: Partial<Validating> = {}): string {
    const { level = { type: 'linearizable' }, epoch = EPOCH } = about;
    const checks = encodeOperations(operations);
    const terms = { level, patienceMilliseconds: PATIENCE, owner: undefined };
    return this.ask({ type: 'validate', id: 1, shard: SHARD, epoch, ...terms, checks });
  }

  transact(epoch = EPOCH, isForwarded = false): string {
    const transaction = new Uint8Array();
    return this.ask({ type: 'transact', id: 1, shard: SHARD, epoch, transaction }, isForwarded);
  }

  #served(): Requests {
    const rig = this;
    const relay = {
      leaderOf: () => ELSEWHERE,
      forward: (_to: NodeId, request: Request) => {
        rig.forwarded.push(request);
        return true;
      },
    } as unknown as Relay;
    const node = {
      now: 0,
      get map() {
        const row = { shard: SHARD, epoch: EPOCH, from: 0, to: rig.to };
        const shards = Array.from({ length: SHARD + 1 }, () => row);
        return { version: 4, shards, settings: { shards: SHARD } } as unknown as ClusterMap;
      },
      get isClosing() {
        return rig.isClosing;
      },
      get isReadOnly() {
        return rig.isReadOnly;
      },
      valueBytesMax: MACHINE_LIMITS.valueBytesDefault,
      secret: new Uint8Array(),
      replicas: {
        get: (shard: ShardId) => (rig.leads && shard === SHARD ? rig.rig.replica : undefined),
      },
    } as unknown as NodeState;
    const router = new Router(node, relay);
    const transactions = new TransactionService(node, router);
    const nothing = () => new Uint8Array();
    const report = { info: nothing, pending: () => bytesOf('pending'), access: nothing };
    const access = new AccessControl(node);
    const logins = new Logins({ node, router, ports: undefined });
    return new Requests({ node, router, transactions, access, logins, report });
  }
}

interface Validating {
  readonly level: ReadLevel;
  readonly epoch: number;
}

/** Requests whose bytes say nothing get so far. */
const TAKEN_IN = 'malformed';

const CHECK: Operation = { type: 'check-version', key: bytesOf('x'), version: 3 };

test('a transaction goes to the leader of its home shard, and one hop at most', () => {
  const rig = new Rig();
  equal(rig.transact(), TAKEN_IN);
  rig.leads = false;
  rig.transact();
  equal(rig.forwarded.length, 1);
  equal(rig.transact(EPOCH, true), 'not-leader');
  equal(rig.forwarded.length, 1);
});

test('a transaction with an old map, or for a node that is closing, is refused', () => {
  const rig = new Rig();
  equal(rig.transact(EPOCH - 1), 'not-here');
  rig.isClosing = true;
  equal(rig.transact(), 'closing');
});

test('a settle request is forwarded too, also by a node that is closing', () => {
  const rig = new Rig();
  rig.isClosing = true;
  const contender = { id: nameOf(), attempts: 0, age: 5 };
  const about = { contender, participants: [], isPreempting: false };
  const request = { type: 'settle', id: 1, shard: SHARD, epoch: 1, ...about } as const;
  equal(rig.ask(request), TAKEN_IN);
  rig.leads = false;
  rig.ask(request);
  equal(rig.forwarded.length, 1);
});

test('a prepare is validated like a batch before it is proposed', () => {
  const rig = new Rig();
  equal(rig.prepare([put('x', '1'), get('y')]), 'written');
  equal(rig.step('prepare', Uint8Array.of(1)), 'malformed');
  const value = new Uint8Array(MACHINE_LIMITS.valueBytesDefault + 1);
  const large = { type: 'set', key: bytesOf('x'), value, lifeMilliseconds: 0 } as const;
  equal(rig.prepare([large]), 'too-large');
  rig.isReadOnly = true;
  equal(rig.prepare([put('x', '1')]), 'read-only');
  rig.isReadOnly = false;
  rig.isClosing = true;
  equal(rig.prepare([put('x', '1')]), 'closing');
  rig.isClosing = false;
  rig.to = 0;
  equal(rig.prepare([put('x', '1')]), 'not-here');
});

test('with a nearly full disk only deletes are prepared', () => {
  const rig = new Rig();
  rig.isReadOnly = true;
  equal(rig.prepare([{ type: 'delete', key: bytesOf('y') }, CHECK]), 'written');
});

test('a prepared part is resolved even if the node refuses new work', () => {
  const rig = new Rig();
  rig.prepare([put('x', '1')]);
  equal(rig.rig.replica.machine.lockTable?.size, 1);
  rig.isClosing = true;
  rig.isReadOnly = true;
  rig.to = 0;
  const resolution = { id: nameOf(), isCommitted: true, deadline: 0 };
  equal(rig.step('resolve', encodeResolutions([resolution]), EPOCH - 1), 'written');
  equal(rig.rig.replica.machine.lockTable?.size, 0);
});

test('a validation has checks only, and is never answered from a stale state', () => {
  const rig = new Rig();
  equal(rig.validate([CHECK]), 'written');
  equal(rig.validate([CHECK, get('x')]), 'malformed');
  equal(rig.validate([put('x', '1')]), 'malformed');
  equal(rig.validate([CHECK], { level: { type: 'stale', ageMilliseconds: 10 } }), 'malformed');
  equal(rig.validate([CHECK], { epoch: EPOCH - 1 }), 'not-here');
  equal(rig.validate([CHECK], { level: { type: 'lease' } }), 'written');
  rig.leads = false;
  equal(rig.validate([CHECK]), '');
  equal(rig.forwarded.length, 1);
});

test('the ranges of a validation are bounded, and so are their keys', () => {
  const rig = new Rig();
  const range = (count: number, to = 'b'): Operation => {
    return { type: 'check-range', key: bytesOf('a'), to: bytesOf(to), count, seenAt: 0 };
  };
  const many = (one: Operation) => Array(TRANSACTION_LIMITS.rangesMax + 1).fill(one);
  equal(rig.validate([range(REQUEST_LIMITS.rowsMax)]), 'written');
  equal(rig.validate([range(REQUEST_LIMITS.rowsMax + 1)]), 'malformed');
  equal(rig.validate(many(range(0)).slice(1)), 'written');
  equal(rig.validate(many(range(0))), 'too-large');
  equal(rig.validate(many(range(0, 'a\0'))), 'written', 'keys are looked at without a view');
});

test('any node reports its pending transactions', () => {
  const rig = new Rig();
  rig.leads = false;
  equal(rig.ask({ type: 'pending', id: 1 }), 'info');
});
