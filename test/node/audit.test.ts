/** What the audit trail is told of clients and their requests, and which requests wait for it. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessTable } from '../../src/access/access-table.ts';
import { NO_ACCESS } from '../../src/access/access-table.ts';
import { credentialOf } from '../../src/access/token.ts';
import type { AuditRule } from '../../src/audit/policy.ts';
import type { AuditProgress, AuditRecord } from '../../src/audit/record.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { encodeCommand, encodeReply } from '../../src/catalog/command.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { encodeReply as encodeMachineReply } from '../../src/machine/reply.ts';
import { Audit } from '../../src/node/audit.ts';
import { ClientFrames } from '../../src/node/client-frames.ts';
import { Clients, type ConnectedClient } from '../../src/node/clients.ts';
import { AUDIT_NODE_LIMITS } from '../../src/node/limits.ts';
import type { NodeFact } from '../../src/node/node-fact.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { Requests } from '../../src/node/requests.ts';
import type { Source } from '../../src/node/router.ts';
import { FairQueue } from '../../src/shard/fair-queue.ts';
import type { Transport } from '../../src/transport/transport.ts';
import type { ClientHello } from '../../src/wire/hello.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, type Failure } from '../../src/wire/response.ts';
import { clientOf } from '../machine/machine-rig.ts';
import { tokenFor } from './access-rig.ts';

const CONNECTION = 4;
const SHARD = 3 as ShardId;
const ABOUT = { shard: SHARD, epoch: 1 } as const;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const RULES: readonly AuditRule[] = [{ prefix: bytesOf('a/'), verbs: ['write', 'watch'] }];
const WORKING: AuditProgress = {
  ...{ isWorking: true, durable: 0, lines: 0, dropped: 0, bytes: 0, sequence: 0, head: '' },
};

interface RigOptions {
  readonly isFailClosed?: boolean;
  readonly rules?: readonly AuditRule[];
  /** What access control says to each request. */
  readonly objection?: Failure;
  readonly table?: AccessTable;
}

class Rig {
  readonly told: AuditRecord[] = [];
  readonly answers: string[] = [];
  readonly served: Request[] = [];
  readonly fair = new FairQueue({ onWork: () => {} });
  readonly audit: Audit;
  readonly client: ConnectedClient;
  readonly #clients: Clients;
  readonly #frames: ClientFrames;
  readonly #requests: Requests;
  now = 0;

  constructor({ isFailClosed = false, rules = RULES, objection, table }: RigOptions = {}) {
    const sendToClient = (_connection: number, bytes: Uint8Array) => {
      for (const response of decodeResponses(bytes) ?? []) {
        this.answers.push(response.type === 'failed' ? response.failure : response.type);
      }
      return true;
    };
    const transport = { sendToClient, bufferedToClient: () => 0 } as unknown as Transport;
    this.#clients = new Clients(transport, () => {}, { now: () => 0, tell() {} });
    this.client = this.#clients.add(CONNECTION, { address: '10.0.0.7:5000' });
    const rig = this;
    const node = {
      clients: this.#clients,
      fair: this.fair,
      maps: { clientBytes: new Uint8Array() },
      transport: { closeClient: () => {}, listenToClient: () => {} },
      mention: (fact: NodeFact) => void (fact.type === 'audit' && this.told.push(fact.record)),
      map: table === undefined ? undefined : { access: table },
      wall: 1000,
      get now() {
        return rig.now;
      },
    } as unknown as NodeState;
    this.audit = new Audit(node, { rules, isFailClosed });
    const router = {
      route: (request: Request) => void this.served.push(request),
      fail: ({ request, responder }: { request: Request } & Source, failure: Failure) => {
        const about = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
        responder.respond({ type: 'failed', id: request.id, failure, ...about });
      },
    };
    const access = { objectionTo: () => objection };
    const parts = { node, router, access, transactions: {}, report: {}, audit: this.audit };
    this.#requests = new Requests(parts as never);
    this.#frames = new ClientFrames({ node, requests: this.#requests, audit: this.audit });
  }

  ask(...requests: readonly Request[]): void {
    this.#frames.take(CONNECTION, encodeRequests(requests));
    this.turn();
  }

  forward(request: Request): void {
    const responder = { isClient: true, respond() {} };
    this.#requests.route(request, { responder, isForwarded: true, forwarder: 2 as never });
  }

  turn(): void {
    this.fair.tick();
    this.fair.beginTurn();
    this.fair.work();
    this.fair.endTurn();
    this.#clients.flush();
  }

  leave(): void {
    this.#clients.remove(CONNECTION);
    this.turn();
  }

  get outcomes(): readonly string[] {
    return this.told.map(({ what, outcome, why }) => {
      return [what, outcome, ...(why === undefined ? [] : [why])].join(' ');
    });
  }
}

const DELETE_USER = encodeCommand({ type: 'delete-user', name: 'ada' });
const commanding = (id = 1): Request => ({ type: 'command', id, command: DELETE_USER });
const done = (id = 1) => {
  const reply = encodeReply({ type: 'done', version: 1, node: 0 as never });
  return { type: 'commanded', id, reply } as const;
};

function writing(key: string, id = 1, text = 'x'): Request {
  const value = bytesOf(text);
  const set = { type: 'set', key: bytesOf(key), value, lifeMilliseconds: 0 } as const;
  const about = { client: clientOf(1), deadline: 5, sequence: 1 };
  return { type: 'write', id, ...ABOUT, batch: encodeBatch({ ...about, commands: [[set]] }) };
}

function watching(id = 1): Request {
  const about = { start: undefined, atLeast: 0, keysOnly: false, credit: 1 };
  return { type: 'watch', id, ...ABOUT, from: bytesOf('a/'), to: bytesOf('a0'), ...about };
}

const failed = (failure: Failure, id = 1) => {
  return { type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds: 0 } as const;
};

test('a request has one line, with its outcome, once it is answered', () => {
  const rig = new Rig();
  rig.ask(commanding());
  deepEqual(rig.told, []);
  rig.client.respond(done());
  const about = { who: 'anonymous', from: '10.0.0.7:5000', what: 'delete-user' };
  deepEqual(rig.told, [
    { kind: 'request', request: 1, ...about, on: { user: 'ada' }, outcome: 'ok' },
  ]);
});

test('refusals and failures are told with their reasons, and doubts as such', () => {
  const rig = new Rig();
  rig.ask(commanding(1), commanding(2), commanding(3), writing('a/1', 4));
  const reply = encodeReply({ type: 'refused', reason: 'unknown-user' });
  rig.client.respond({ type: 'commanded', id: 1, reply });
  rig.client.respond(failed('not-leader', 2));
  rig.client.respond(failed('lost', 3));
  rig.client.respond({ type: 'written', id: 4, time: 0, replies: [] });
  deepEqual(rig.outcomes, [
    'delete-user refused unknown-user',
    'delete-user refused not-leader',
    'delete-user unknown lost',
    'write ok',
  ]);
});

test('a command that a shard refused has had no effect, and the line says so', () => {
  const rig = new Rig();
  const done = encodeMachineReply({ type: 'done', version: 7, outputs: [] });
  const refused = encodeMachineReply({ type: 'refused', reason: 'wrong-epoch', position: 0 });
  const forgotten = encodeMachineReply({ type: 'refused', reason: 'acknowledged', position: 0 });
  const failed = encodeMachineReply({ type: 'check-failed', position: 0, version: 7 });
  const cases: readonly (readonly [readonly Uint8Array[], string])[] = [
    [[done, done], 'write ok'],
    [[refused], 'write refused wrong-epoch'],
    [[failed, failed], 'write refused check-failed'],
    [[done, failed, done], 'write ok 1 of 3 commands had no effect'],
    [[forgotten], 'write unknown acknowledged'],
  ];
  for (const [at, [replies]] of cases.entries()) {
    rig.ask(writing('a/1', at + 1));
    rig.client.respond({ type: 'written', id: at + 1, time: 0, replies });
  }
  deepEqual(
    rig.outcomes,
    cases.map(([, outcome]) => outcome),
  );
});

test('what becomes of a transaction that an operator ends is its outcome', () => {
  const named = new Rig();
  const id = { home: 0, client: clientOf(1), sequence: 1 };
  const about = { contender: { id, attempts: 0, age: 5 }, isPreempting: true };
  const participants = [{ position: 0, deadline: 1 }];
  const settle = { type: 'settle', id: 1, shard: SHARD, ...about, participants } as const;
  const client = named.client;
  client.begin(1, undefined);
  const line = named.audit.name(client, settle);
  ok(line !== undefined);
  const aborted = encodeMachineReply({ type: 'refused', reason: 'aborted', position: 0 });
  client.respond({ type: 'written', id: 1, time: 0, replies: [aborted] });
  deepEqual(named.outcomes, ['settle ok aborted']);
});

test('a request that a limit of its user refuses is told as refused', () => {
  const rig = new Rig();
  rig.ask(writing('a/1'));
  const about = { allowed: 5, retryAfterMilliseconds: 10 };
  rig.client.respond({ type: 'limited', id: 1, limit: 'requestsPerSecond', ...about });
  deepEqual(rig.outcomes, ['write refused limit requestsPerSecond']);
});

test('a flood of denied requests is counted, also of those that are always audited', () => {
  for (const isFailClosed of [false, true]) {
    const rig = new Rig({ objection: 'unauthenticated', isFailClosed });
    rig.audit.heed(WORKING);
    const { denialsPerSecond } = AUDIT_NODE_LIMITS;
    for (let id = 1; id <= denialsPerSecond * 2; id++) rig.ask(commanding(id));
    equal(rig.told.length, denialsPerSecond);
    equal(rig.answers.length, denialsPerSecond * 2, 'and none waits for a line');
    rig.now = 5000;
    rig.audit.tick();
    deepEqual(rig.told.at(-1)?.on, { count: denialsPerSecond });
  }
});

test('what waits for a line for long is refused, and is not served when the disk answers', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  rig.ask(commanding(1));
  rig.now = AUDIT_NODE_LIMITS.heldMillisecondsMax;
  rig.audit.tick();
  rig.turn();
  deepEqual(rig.answers, ['audit-unavailable']);
  rig.ask(commanding(2));
  deepEqual(rig.answers, ['audit-unavailable', 'audit-unavailable']);
  rig.audit.heed({ ...WORKING, durable: 2 });
  rig.turn();
  deepEqual(rig.served, []);
  rig.ask(commanding(3));
  rig.audit.heed({ ...WORKING, durable: 3 });
  rig.turn();
  equal(rig.served.length, 1, 'a line became durable');
});

test('what no rule covers has no line', () => {
  const rig = new Rig();
  rig.ask(writing('b/1'), { type: 'cancel', id: 2 }, { type: 'reach', id: 2, index: 5 });
  rig.client.respond({ type: 'written', id: 1, time: 0, replies: [] });
  deepEqual(rig.told, []);
  equal(rig.served.length, 3);
});

test('a client that is gone leaves its requests in doubt', () => {
  const rig = new Rig();
  rig.ask(commanding());
  rig.leave();
  rig.client.respond(done());
  deepEqual(rig.outcomes, ['delete-user unknown the connection was closed']);
});

test('a watch has a line when it begins, and one when it ends', () => {
  const rig = new Rig();
  rig.ask(watching(1), watching(2), watching(3));
  const detach = (id: number) => rig.client.streams.detach(id);
  detach(1);
  rig.client.respond(failed('closing', 2));
  rig.leave();
  deepEqual(rig.outcomes.slice(3), [
    'watch ended the client has ended it',
    'watch ended closing',
    'watch ended the connection was closed',
  ]);
  deepEqual(rig.outcomes.slice(0, 3), ['watch begun', 'watch begun', 'watch begun']);
});

test('a denied request is told, whether a rule covers it or not, and once', () => {
  for (const objection of ['forbidden', 'unauthenticated'] as const) {
    const rig = new Rig({ objection });
    rig.ask(writing('b/1', 1), commanding(2), { type: 'info', id: 3 });
    deepEqual(rig.outcomes, [
      `write refused ${objection}`,
      `delete-user refused ${objection}`,
      `info refused ${objection}`,
    ]);
  }
});

test('a node that denies what another one has forwarded tells it', () => {
  const rig = new Rig({ objection: 'forbidden' });
  rig.forward(writing('b/1'));
  deepEqual(
    rig.told.map(({ from, outcome }) => [from, outcome]),
    [['node 2', 'refused']],
  );
  const other = new Rig({ objection: 'not-here' });
  other.forward(writing('b/1'));
  deepEqual(other.told, [], 'the request is asked elsewhere');
});

test('what only nodes may ask is told if a client asks it', () => {
  const rig = new Rig();
  const lose = encodeCommand({ type: 'lose', shard: SHARD, member: 1 as never });
  rig.ask({ type: 'command', id: 2, command: lose });
  equal(rig.outcomes.at(-1), 'lose refused nodes-only');
});

test('a flood of denials is counted, and does not fill the trail', () => {
  const rig = new Rig({ objection: 'forbidden' });
  const { denialsPerSecond } = AUDIT_NODE_LIMITS;
  const more = 5;
  for (let at = 0; at < denialsPerSecond + more; at++) rig.ask({ type: 'info', id: at + 1 });
  equal(rig.told.length, denialsPerSecond);
  rig.now = 1000;
  rig.audit.tick();
  deepEqual(rig.told.at(-1)?.on, { count: more });
  rig.ask({ type: 'info', id: 900 });
  equal(rig.told.length, denialsPerSecond + 2);
});

test('fail-closed: a request is served behind its durable line, and not before', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  rig.ask(commanding(1), writing('b/1', 2), writing('a/1', 3));
  deepEqual(
    rig.served.map(({ id }) => id),
    [2],
    'only what is not audited',
  );
  deepEqual(rig.outcomes, ['delete-user begun', 'write begun']);
  rig.audit.heed({ ...WORKING, durable: 1 });
  rig.turn();
  rig.client.respond(done(1));
  rig.audit.heed({ ...WORKING, durable: 2 });
  rig.turn();
  deepEqual(
    rig.served.map(({ id }) => id),
    [2, 1, 3],
  );
  equal(rig.outcomes.at(-1), 'delete-user ok');
});

test('fail-closed: what waits is refused when the trail cannot be written', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  rig.ask(commanding(1), writing('a/1', 2));
  rig.audit.heed({ ...WORKING, durable: 1, isWorking: false });
  rig.turn();
  deepEqual(
    rig.served.map(({ id }) => id),
    [1],
    'what is durable is served',
  );
  rig.ask(commanding(3), writing('b/1', 4));
  deepEqual(rig.answers, ['audit-unavailable', 'audit-unavailable']);
  deepEqual(rig.outcomes.slice(2), [
    'write refused audit-unavailable',
    'delete-user refused audit-unavailable',
  ]);
  equal(rig.served.at(-1)?.id, 4, 'what is not audited is served');
  rig.audit.heed(WORKING);
  rig.ask(commanding(5));
  equal(rig.outcomes.at(-1), 'delete-user begun');
});

test('fail-closed: what a client says of a stream waits with the stream', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  const { deferredMax } = AUDIT_NODE_LIMITS;
  const credits = Array.from({ length: deferredMax + 3 }, (): Request => {
    return { type: 'credit', id: 1, bytes: 5 };
  });
  rig.ask(watching(1), ...credits, { type: 'credit', id: 2, bytes: 5 });
  deepEqual(
    rig.served.map(({ id }) => id),
    [2],
  );
  rig.audit.heed({ ...WORKING, durable: 1 });
  rig.turn();
  equal(rig.served[1]?.type, 'watch');
  equal(rig.served.length, 2 + deferredMax);
  rig.ask({ type: 'cancel', id: 1 });
  equal(rig.served.at(-1)?.type, 'cancel', 'it is open');
});

test('fail-closed: requests that wait are bounded, and are not views on their frames', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  const large = 'v'.repeat(1024 * 1024);
  const count = AUDIT_NODE_LIMITS.heldBytesMax / large.length + 4;
  for (let id = 1; id <= count; id++) rig.ask(writing('a/1', id, large));
  const refused = rig.answers.length;
  ok(refused >= 4 && refused < 8, `${refused} refused`);
  deepEqual([...new Set(rig.answers)], ['overloaded']);
  rig.audit.heed({ ...WORKING, durable: count });
  for (let turn = 0; turn < count; turn++) rig.turn();
  equal(rig.served.length, count - refused);
  const [first] = rig.served;
  ok(first?.type === 'write' && first.batch.buffer.byteLength < first.batch.length + 64);
  rig.ask(writing('a/1', 999, large));
  equal(rig.answers.length, refused, 'there is room again');
});

test('fail-closed: before the trail has reported nothing is served that has to be audited', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.ask(commanding(1));
  deepEqual(rig.answers, ['audit-unavailable']);
});

test('fail-closed: a client that goes while its request waits has not been served', () => {
  const rig = new Rig({ isFailClosed: true });
  rig.audit.heed(WORKING);
  rig.ask(commanding(1));
  rig.leave();
  rig.audit.heed({ ...WORKING, durable: 9 });
  rig.turn();
  deepEqual(rig.served, []);
  equal(rig.outcomes.at(-1), 'delete-user refused the connection was closed');
});

const ADA = tokenFor('ada', 2);
const TABLE: AccessTable = {
  ...NO_ACCESS,
  ...{ version: 5, isEnabled: true, users: [{ name: 'ada', roles: [] }], tokens: [ADA.row] },
};

function greet(rig: Rig, hello: Partial<ClientHello>, certificate?: string): boolean {
  if (hello.type === 'bearer' && hello.token !== undefined) {
    rig.client.credential = credentialOf(hello.token);
  }
  rig.client.certificate = certificate;
  return rig.audit.meet(rig.client, hello as ClientHello);
}

test('who shows a token or a certificate is told, and whether it was accepted', () => {
  const wrong = ADA.bytes.with(39, 9);
  const row = { ...ADA.row, expiresAt: 500 };
  const bearer = (token: Uint8Array) => ({ type: 'bearer', token }) as const;
  const cases: readonly (readonly [AccessTable, Partial<ClientHello>, string])[] = [
    [TABLE, bearer(ADA.bytes), 'hello ok'],
    [TABLE, bearer(wrong), 'hello refused wrong-secret'],
    [TABLE, bearer(tokenFor('ada', 9).bytes), 'hello refused unknown-token'],
    [{ ...TABLE, tokens: [row] }, bearer(ADA.bytes), 'hello refused expired'],
    [{ ...TABLE, users: [] }, bearer(ADA.bytes), 'hello refused unknown-user'],
    [
      { ...TABLE, isHidden: true, tokens: [] },
      bearer(ADA.bytes),
      'hello unknown this node does not know the users yet',
    ],
  ];
  for (const [table, hello, outcome] of cases) {
    const rig = new Rig({ table });
    equal(greet(rig, hello), true);
    deepEqual(rig.outcomes, [outcome]);
    equal(JSON.stringify(rig.told).includes(ADA.text.slice(17)), false);
  }
});

test('a flood of tokens that are refused is counted, and an accepted one is told', () => {
  const rig = new Rig({ table: TABLE });
  const { denialsPerSecond } = AUDIT_NODE_LIMITS;
  const wrong = { type: 'bearer', token: tokenFor('ada', 9).bytes } as const;
  for (let at = 0; at < denialsPerSecond + 3; at++) equal(greet(rig, wrong), true);
  equal(rig.told.length, denialsPerSecond);
  greet(rig, { type: 'bearer', token: ADA.bytes });
  equal(rig.told.at(-1)?.outcome, 'ok');
  rig.now = 1000;
  rig.audit.tick();
  deepEqual(rig.told.at(-1)?.on, { count: 3 });
});

test('a client that shows nothing has no line, one with a certificate has', () => {
  const rig = new Rig({ table: TABLE });
  greet(rig, { type: 'client' });
  equal(rig.told.length, 0);
  greet(rig, { type: 'client' }, 'app');
  deepEqual(rig.told[0]?.who, { certificate: 'app' });
});

test('fail-closed: no user is let in while the trail cannot be written', () => {
  const rig = new Rig({ isFailClosed: true, table: TABLE });
  const hello = { type: 'bearer', token: ADA.bytes } as const;
  rig.audit.heed({ ...WORKING, isWorking: false });
  equal(greet(rig, hello), false);
  equal(greet(rig, { type: 'client' }), true, 'who may be anyone is let in');
  rig.audit.heed(WORKING);
  equal(greet(rig, hello), true);
});
