/** Which transactions a node accepts, and how it ends pending ones in the shards it leads. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { shardAt } from '../../src/catalog/questions.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { encodeReply, type Reply } from '../../src/machine/reply.ts';
import {
  decodePrepare,
  encodePrepare,
  encodeTransaction,
} from '../../src/machine/transaction-codec.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { pendingOf } from '../../src/node/pending.ts';
import type { Relay } from '../../src/node/relay.ts';
import { type Asked, Router, type Source } from '../../src/node/router.ts';
import { TransactionService } from '../../src/node/transaction-service.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { Responder } from '../../src/shard/responder.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, clientOf, put, WHOLE } from '../machine/machine-rig.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';
import { told } from './coordinators-rig.ts';

const EPOCH = 1;
const PATIENCE = 10_000;
const SHARDS = 3;

interface Wish {
  readonly shard?: number;
  readonly key?: string;
  readonly patience?: number;
  readonly operations?: readonly Operation[];
}

interface BothWish {
  readonly here?: readonly Operation[];
  readonly client?: number;
  readonly attempts?: number;
  readonly age?: number;
}

type Noted = Pick<Asked<Request['type']>, 'request' | 'responder'>;

/** Requests for shards are noted instead of served. */
function routerOf(node: NodeState, asked: Noted[]): Router {
  const router = new Router(node, {} as Relay);
  const noting = {
    route: (request: Request, { responder }: Source) => void asked.push({ request, responder }),
    pass: ({ request, responder }: Noted) => void asked.push({ request, responder }),
    leaderHere: (shard: ShardId) => router.leaderHere(shard),
    rowOf: (shard: ShardId) => router.rowOf(shard),
  };
  return noting as unknown as Router;
}

class Rig {
  readonly rig = new ReplicaRig();
  readonly transactions: TransactionService;
  readonly node: NodeState;
  readonly asked: { readonly request: Request; readonly responder: Responder }[] = [];
  isReadOnly = false;
  isGone = false;
  valueBytesMax = 100;

  constructor({ hasArc = true } = {}) {
    const { rig } = this;
    rig.lead();
    if (hasArc) this.adopt();
    const row = (at: number) => {
      const arc = { from: ((at - 1) * 2 ** 32) / SHARDS, to: (at * 2 ** 32) / SHARDS };
      return { shard: at, epoch: EPOCH, ...arc };
    };
    const map = {
      settings: { shards: SHARDS },
      shards: Array.from({ length: SHARDS + 1 }, (_, at) => row(at)),
    };
    const isGone = () => this.isGone;
    const isReadOnly = () => this.isReadOnly;
    const valueBytesMax = () => this.valueBytesMax;
    this.node = {
      self: { node: 1 },
      map,
      get now() {
        return rig.now;
      },
      get isReadOnly() {
        return isReadOnly();
      },
      get valueBytesMax() {
        return valueBytesMax();
      },
      replicas: {
        get all() {
          return isGone() ? [] : [rig.replica];
        },
        get: (shard: ShardId) => (shard === SHARD && !isGone() ? rig.replica : undefined),
      },
    } as unknown as NodeState;
    this.transactions = new TransactionService(this.node, routerOf(this.node, this.asked));
  }

  adopt(): void {
    const { rig } = this;
    rig.replica.stamp(rig.requester().requester, 0, { type: 'adopt', epoch: EPOCH, arc: WHOLE });
    rig.turns(4);
  }

  /** A key that lies in the shard. */
  keyIn(shard: number): string {
    for (let at = 0; ; at++) {
      const key = `key ${at}`;
      if (shardAt(this.node.map as never, keyPosition(bytesOf(key))).shard === shard) return key;
    }
  }

  transact(wish: Wish = {}): readonly string[] {
    const { shard = SHARD, key = this.keyIn(shard), patience = PATIENCE } = wish;
    const { operations = [put(key, '1')] } = wish;
    const deadline = this.rig.replica.logTime + patience;
    const part = { shard, epoch: EPOCH, deadline, operations };
    const about = { client: clientOf(1), sequence: 7, attempts: 0, age: 5 };
    return this.send(encodeTransaction({ ...about, parts: [part] }));
  }

  send(transaction: Uint8Array): readonly string[] {
    const responses = this.begin(transaction);
    this.turn();
    return told(responses);
  }

  /** Its outcome may come later. */
  begin(transaction: Uint8Array): readonly Response[] {
    const { requester, responses } = this.rig.requester();
    const about = { id: requester.id, shard: SHARD, epoch: EPOCH, transaction };
    const request = { type: 'transact', ...about } as const;
    const { responder } = requester;
    this.transactions.transact({ request, responder, isForwarded: false });
    return responses;
  }

  /** Mostly a put here, and something in another shard. */
  both(there: number, operations: readonly Operation[], wish: BothWish = {}): Uint8Array {
    const { client = 1, attempts = 0, age = 5, here = [put(this.keyIn(SHARD), '1')] } = wish;
    const deadline = this.rig.replica.logTime + PATIENCE;
    const terms = { epoch: EPOCH, deadline };
    const home = { ...terms, shard: SHARD, operations: here };
    const other = { ...terms, shard: there, operations };
    const about = { client: clientOf(client), sequence: 7, attempts, age };
    return encodeTransaction({ ...about, parts: [home, other] });
  }

  /** A part of another shard's transaction is prepared here. */
  prepare(age: number, { key = this.keyIn(SHARD), participants = 2 } = {}): void {
    const home = keyPosition(bytesOf(this.keyIn(1)));
    const deadline = this.rig.replica.logTime + PATIENCE;
    const here = { position: keyPosition(bytesOf(key)), deadline };
    const bytes = encodePrepare({
      id: { home, client: clientOf(age), sequence: 7 },
      attempts: 0,
      age,
      participants: [{ position: home, deadline }, ...Array(participants - 1).fill(here)],
      at: 1,
      operations: [put(key, 'new')],
    });
    this.rig.replica.stamp(this.rig.requester().requester, EPOCH, { type: 'prepare', bytes });
    this.turn();
  }

  settled(reply: Reply): void {
    const asked = this.asked.shift();
    const replies = [encodeReply(reply)];
    asked?.responder.respond({ type: 'written', id: 1, time: 1, replies });
    this.turn();
  }

  get held(): number {
    return this.rig.replica.machine.lockTable?.size ?? 0;
  }

  turn(): void {
    this.rig.replica.proposeDeferred();
    this.rig.turns(4);
    this.transactions.flush();
  }

  pass(milliseconds: number): void {
    this.rig.now += milliseconds;
    this.transactions.tick();
    this.turn();
  }

  wishes(): readonly string[] {
    return this.asked.map(({ request }) => {
      const isPreempting = request.type === 'settle' && request.isPreempting;
      const shard = 'shard' in request ? request.shard : 0;
      return `${request.type} at ${shard}${isPreempting ? ', pressing' : ''}`;
    });
  }
}

test('the leader of the home shard coordinates a transaction', () => {
  const rig = new Rig();
  equal(rig.transact()[0]?.split(' ')[0], 'committed');
});

test('a malformed transaction, or one for another shard, is refused', () => {
  const rig = new Rig();
  deepEqual(rig.send(Uint8Array.of(1)), ['malformed']);
  deepEqual(rig.transact({ shard: 1 }), ['malformed']);
  const check = { type: 'check-version', key: bytesOf(rig.keyIn(SHARD)), version: 1 } as const;
  deepEqual(rig.transact({ operations: [check] }), ['malformed'], 'no shard is its home');
});

test('a home part that its shard would refuse is refused before others lock anything', () => {
  const rig = new Rig();
  deepEqual(rig.transact({ key: rig.keyIn(1) }), ['not-here']);
  const value = new Uint8Array(101);
  const large = {
    type: 'set',
    key: bytesOf(rig.keyIn(SHARD)),
    value,
    lifeMilliseconds: 0,
  } as const;
  deepEqual(rig.transact({ operations: [large] }), ['too-large']);
  deepEqual(rig.transact({ patience: -1 }), ['refused deadline-passed at 0']);
  const patience = MACHINE_LIMITS.timeoutMillisecondsMax + 1000;
  deepEqual(rig.transact({ patience }), ['refused deadline-too-far at 0']);
  rig.isReadOnly = true;
  deepEqual(rig.transact(), ['read-only']);
});

test('a part of an unknown shard is refused before that', () => {
  const rig = new Rig();
  const range = { type: 'check-range', key: bytesOf('a'), to: bytesOf('b'), count: 0, seenAt: 1 };
  const cases: readonly [there: number, operation: Operation, failure: string][] = [
    [1, put(rig.keyIn(SHARD), '1'), 'not-here'],
    [SHARDS + 1, put(rig.keyIn(1), '1'), 'not-here'],
    [0, range as Operation, 'not-here'],
    [1, put(rig.keyIn(1), 'x'.repeat(101)), 'too-large'],
  ];
  for (const [there, operation, failure] of cases) {
    deepEqual(rig.send(rig.both(there, [operation])), [failure]);
  }
  deepEqual([rig.wishes(), rig.transactions.conducted], [[], 0]);
});

test('a shard that has no arc yet is no home, and soon may be one', () => {
  const rig = new Rig({ hasArc: false });
  deepEqual(rig.transact(), ['not-here']);
  rig.adopt();
  equal(rig.transact()[0]?.split(' ')[0], 'committed');
});

test('with a nearly full disk a transaction may delete, and write on other nodes', () => {
  const rig = new Rig();
  rig.isReadOnly = true;
  const operations = [{ type: 'delete', key: bytesOf(rig.keyIn(SHARD)) }] as const;
  equal(rig.transact({ operations })[0]?.split(' ')[0], 'committed');
  const there = [put(rig.keyIn(1), '1')];
  deepEqual(rig.send(rig.both(1, there)), ['read-only']);
  deepEqual(rig.send(rig.both(1, there, { client: 2, here: operations })), []);
  deepEqual(rig.wishes(), [`step at ${SHARD}`, 'step at 1']);
});

test('the running transactions are bounded in bytes', () => {
  const rig = new Rig();
  rig.valueBytesMax = MACHINE_LIMITS.valueBytesMax;
  const value = new Uint8Array(rig.valueBytesMax);
  const key = bytesOf(rig.keyIn(1));
  const large = { type: 'set', key, value, lifeMilliseconds: 0 } as const;
  const begin = (client: number) => rig.begin(rig.both(1, [large], { client }));
  const fitting = Math.floor(TRANSACTION_LIMITS.conductedBytesMax / (value.length + 1024));
  for (let client = 1; client <= fitting; client++) deepEqual(begin(client), []);
  deepEqual(told(begin(100)), ['overloaded']);
  equal(rig.transactions.conducted, fitting);
  rig.pass(TRANSACTION_LIMITS.prepareMilliseconds);
  equal(rig.transactions.conducted, 0, 'given up');
  deepEqual(begin(101), []);
});

test('a transaction over a shard that has not answered lately is not staged', () => {
  const steps = (rig: Rig) => {
    rig.begin(rig.both(2, [put(rig.keyIn(2), '1')]));
    return rig.asked.map(({ request }) => request.type === 'step' && request.step);
  };
  deepEqual(steps(new Rig()), ['stage', 'prepare']);
  const rig = new Rig();
  rig.transactions.stepTimes.miss(2 as ShardId);
  deepEqual(steps(rig), ['prepare'], 'the home shard does its part with the decision');
});

test('a claimed age in the distant past or in the future is limited', () => {
  const rig = new Rig();
  const { timeoutMillisecondsMax } = MACHINE_LIMITS;
  rig.rig.now += 2 * timeoutMillisecondsMax;
  const now = rig.rig.replica.logTime;
  const cases = [
    [0, now - timeoutMillisecondsMax],
    [now - 1000, now - 1000],
    [now + 1000, now],
  ] as const;
  for (const [at, [age, taken]] of cases.entries()) {
    rig.begin(rig.both(1, [put(rig.keyIn(1), '1')], { client: at + 1, age }));
    const request = rig.asked.splice(0).at(-1)?.request;
    equal(request?.type === 'step' && decodePrepare(request.bytes)?.age, taken);
  }
});

test('attempts count up to a limit', () => {
  const rig = new Rig();
  const { attemptsMax } = TRANSACTION_LIMITS;
  for (const [at, attempts] of [3, attemptsMax, attemptsMax + 1].entries()) {
    rig.begin(rig.both(1, [put(rig.keyIn(1), '1')], { client: at + 1, attempts }));
    const request = rig.asked.splice(0).at(-1)?.request;
    const prepare = request?.type === 'step' ? decodePrepare(request.bytes) : undefined;
    equal(prepare?.attempts, Math.min(attempts, attemptsMax));
  }
});

test('a request that meets a lock makes its node ask the home shard and resolve it', () => {
  for (const isPreempting of [false, true]) {
    const rig = new Rig();
    rig.prepare(50);
    const holder = rig.rig.replica.machine.lockTable?.holderOf(bytesOf(rig.keyIn(SHARD)));
    if (holder !== undefined) rig.transactions.meet(rig.rig.replica, holder, isPreempting);
    deepEqual(rig.wishes(), [`settle at 1${isPreempting ? ', pressing' : ''}`]);
    rig.settled({ type: 'committed', versions: [], outputs: [] });
    equal(rig.held, 0);
  }
});

test('a part whose locks no request meets is resolved too, though its shard is quiesced', () => {
  const rig = new Rig();
  rig.prepare(50);
  rig.pass(TRANSACTION_LIMITS.orphanMilliseconds - 1);
  deepEqual(rig.wishes(), []);
  rig.pass(TRANSACTION_LIMITS.sweepMilliseconds);
  deepEqual(rig.wishes(), ['settle at 1']);
  rig.settled({ type: 'refused', reason: 'aborted', position: 0 });
  equal(rig.held, 0);
});

test('an unanswered question is repeated', () => {
  const rig = new Rig();
  rig.prepare(50);
  rig.pass(TRANSACTION_LIMITS.orphanMilliseconds);
  const nothingKnown = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
  rig.asked.shift()?.responder.respond({ type: 'failed', id: 1, failure: 'lost', ...nothingKnown });
  rig.pass(TRANSACTION_LIMITS.restMilliseconds);
  deepEqual(rig.wishes(), ['settle at 1']);
  equal(rig.held, 1);
});

test('when its replica is removed, all waiting requesters are answered', () => {
  const rig = new Rig();
  const responses = rig.begin(rig.both(1, [put(rig.keyIn(1), '1')]));
  deepEqual(rig.wishes(), [`step at ${SHARD}`, 'step at 1']);
  rig.isGone = true;
  rig.transactions.tick();
  deepEqual(told(responses), ['lost']);
});

test('operators see which transactions hold keys, since when, and their participants', () => {
  const rig = new Rig();
  rig.prepare(50);
  rig.rig.now += 400;
  const { transactions } = pendingOf(rig.node, rig.transactions);
  equal(transactions.length, 1);
  const [one] = transactions;
  deepEqual(
    [one?.state, one?.shard, one?.age, one?.keys, one?.participants.map(({ shard }) => shard)],
    ['prepared', SHARD, 50, 1, [1, SHARD]],
  );
  equal(one !== undefined && one.milliseconds >= 400, true);
});

test('of many transactions and participants only some are reported', () => {
  const rig = new Rig();
  const { partsMax, toldParticipantsMax } = TRANSACTION_LIMITS;
  const fitting = toldParticipantsMax / partsMax;
  for (let age = 0; age <= fitting; age++) {
    rig.prepare(age, { key: `key ${age}`, participants: partsMax });
  }
  const { total, transactions } = pendingOf(rig.node, rig.transactions);
  deepEqual([total, transactions.length], [fitting + 1, fitting]);
});

test('a plain batch is not a transaction', () => {
  const rig = new Rig();
  const { requester, responses } = rig.rig.requester();
  const deadline = rig.rig.replica.logTime + PATIENCE;
  const about = { client: clientOf(2), deadline, sequence: 0 };
  const batch = encodeBatch({ ...about, commands: [[put(rig.keyIn(SHARD), '1')]] });
  rig.rig.replica.stamp(requester, EPOCH, { type: 'batch', batch });
  rig.turn();
  equal(told(responses)[0]?.split(' ')[0], 'done');
  deepEqual(rig.asked, []);
});
