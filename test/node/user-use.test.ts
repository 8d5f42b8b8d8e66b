/** What counts for the limits of a user, at the node where its clients are connected. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ACCESS } from '../../src/access/access-table.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { USER_LIMITS } from '../../src/node/limits.ts';
import { chargeOf } from '../../src/node/request-charge.ts';
import { UserUses } from '../../src/node/user-use.ts';
import type { Request } from '../../src/wire/request.ts';
import { clientOf } from '../machine/machine-rig.ts';
import { UserRig } from './user-rig.ts';

const SHARD = 3 as ShardId;
const NOTHING = new Uint8Array(0);
const KEY = new Uint8Array(8);
const TERMS = {
  ...{ shard: SHARD, epoch: 1, patienceMilliseconds: 1 },
  level: { type: 'linearizable' },
} as const;
const CONTENDER = { id: { home: 0, client: clientOf(1), sequence: 1 }, attempts: 0, age: 5 };

function read(id: number, keys = 1): Request {
  return { type: 'read', id, ...TERMS, keys: Array.from({ length: keys }, () => KEY) };
}

function write(id: number, commands: number): Request {
  const set: Operation = { type: 'set', key: KEY, value: KEY, lifeMilliseconds: 0 };
  const about = { client: clientOf(1), deadline: 5, sequence: 1 };
  const all = Array.from({ length: commands }, () => [set]);
  return {
    type: 'write',
    id,
    shard: SHARD,
    epoch: 1,
    batch: encodeBatch({ ...about, commands: all }),
  };
}

function watch(id: number): Request {
  const about = { start: undefined, atLeast: 0, keysOnly: false, credit: 1 };
  return { type: 'watch', id, shard: SHARD, epoch: 1, from: KEY, to: NOTHING, ...about };
}

const RANGE = { from: KEY, to: NOTHING, isReverse: false, answer: 'rows', rowsMax: 9 } as const;

/** Every type of request: a new one has to be classified here, too. */
const CHARGES: { readonly [Type in Request['type']]: readonly [Request, number] } = {
  map: [{ type: 'map', id: 1, knownVersion: 0 }, 0],
  write: [write(1, 5), 5],
  read: [read(1, 7), 7],
  range: [{ type: 'range', id: 1, ...TERMS, range: RANGE }, 1],
  command: [{ type: 'command', id: 1, command: NOTHING }, 0],
  info: [{ type: 'info', id: 1 }, 0],
  transact: [{ type: 'transact', id: 1, shard: SHARD, epoch: 1, transaction: NOTHING }, 1],
  step: [{ type: 'step', id: 1, shard: SHARD, epoch: 1, step: 'resolve', bytes: NOTHING }, 0],
  validate: [{ type: 'validate', id: 1, ...TERMS, owner: undefined, checks: NOTHING }, 1],
  settle: [
    {
      ...{ type: 'settle', id: 1, shard: SHARD, contender: CONTENDER, isPreempting: true },
      participants: [{ position: 0, deadline: 1 }],
    },
    0,
  ],
  pending: [{ type: 'pending', id: 1 }, 0],
  watch: [watch(1), 1],
  credit: [{ type: 'credit', id: 1, bytes: 1 }, 0],
  cancel: [{ type: 'cancel', id: 1 }, 0],
  reach: [{ type: 'reach', id: 1, index: 1 }, 0],
  barrier: [
    {
      ...{ type: 'barrier', id: 1, shard: SHARD, epoch: 1, from: KEY, to: NOTHING },
      ...{ isRecording: true, patienceMilliseconds: 1 },
    },
    1,
  ],
  keep: [{ type: 'keep', id: 1, shard: SHARD, epoch: 1, leases: [clientOf(2)] }, 0],
  'await-ticket': [
    {
      ...{ type: 'await-ticket', id: 1, shard: SHARD, epoch: 1, name: KEY },
      ...{ ticket: 1, patienceMilliseconds: 1 },
    },
    1,
  ],
  coordination: [
    {
      ...{ type: 'coordination', id: 1, shard: SHARD, epoch: 1, what: 'leases' },
      ...{ after: NOTHING, rowsMax: 1 },
    },
    0,
  ],
  login: [
    { type: 'login', id: 1, user: 'ann', password: NOTHING, lifeMilliseconds: 0, scope: [] },
    0,
  ],
  access: [{ type: 'access', id: 1, what: 'self' }, 0],
};

test('each operation of a batch counts, and administration counts nothing', () => {
  for (const [type, [request, charge]] of Object.entries(CHARGES)) {
    equal(chargeOf(request), charge, type);
  }
});

test('a batch uses up what its commands are worth, at whatever node they are served', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { requestsPerSecond: 10 });
  rig.send(1, write(1, 10));
  rig.turn();
  equal(rig.routed.length, 1);
  rig.send(1, read(2));
  const [answer] = rig.turn();
  const about = { type: 'limited', id: 2, limit: 'requestsPerSecond', allowed: 10 };
  deepEqual(answer, { ...about, retryAfterMilliseconds: 1 });
  equal(rig.routed.length, 1, 'it is not served');
  rig.now += 101;
  rig.send(1, read(3));
  deepEqual(rig.turn(), []);
  equal(rig.routed.length, 2);
});

test('all connections of a user use up the same, and those of others nothing of it', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { requestsPerSecond: 10 });
  rig.connect(2, 'ann');
  rig.connect(3, 'bob');
  rig.send(1, read(1, 10));
  rig.send(2, read(1));
  rig.turn();
  rig.send(3, read(1, 100));
  deepEqual(rig.turn(), []);
  deepEqual(rig.routed, [1, 3]);
});

test('who connects again has no fresh limits', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { requestsPerSecond: 10 });
  rig.send(1, read(1, 50));
  rig.turn();
  rig.clients.remove(1);
  rig.connect(2, 'ann');
  rig.send(2, read(1));
  equal(rig.turn()[0]?.type, 'limited');
  deepEqual(rig.routed, [1]);
});

test('a user without requests left may still administer, and steer what is open', () => {
  const rig = new UserRig();
  rig.connect(1, 'root', { requestsPerSecond: 1, bytesPerSecond: 1 });
  rig.send(1, read(1, 100));
  rig.turn();
  rig.send(1, read(2));
  equal(rig.turn()[0]?.type, 'limited');
  const exempt = ['map', 'command', 'info', 'settle', 'pending', 'keep', 'coordination', 'access'];
  exempt.forEach((type, at) => {
    const [request] = CHARGES[type as Request['type']];
    rig.send(1, { ...request, id: 10 + at });
  });
  deepEqual(rig.turn(), []);
  equal(rig.routed.length, 1 + exempt.length);
});

test('bytes count in both directions, and a large answer is paid for afterwards', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { bytesPerSecond: 1000 });
  rig.onRoute = ({ id }, { responder }) => {
    const replies = [new Uint8Array(5000)];
    responder.respond({ type: 'written', id, time: 0, replies });
  };
  rig.send(1, read(1));
  equal(rig.turn()[0]?.type, 'written');
  rig.send(1, read(2));
  const [refused] = rig.turn();
  ok(refused?.type === 'limited' && refused.limit === 'bytesPerSecond');
  const { retryAfterMilliseconds } = refused;
  ok(retryAfterMilliseconds > 4000 && retryAfterMilliseconds < 4300, `${retryAfterMilliseconds}`);
  rig.now += 4400;
  rig.onRoute = () => {};
  rig.send(1, write(3, 200));
  deepEqual(rig.turn(), [], 'its size is known when it is admitted, and is paid for, too');
  rig.send(1, read(4));
  equal(rig.turn()[0]?.type, 'limited');
});

test('refused requests use up nothing, so a user that asks all the time gets its rate', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { requestsPerSecond: 10, bytesPerSecond: 1_000_000 });
  let id = 0;
  for (; rig.now < 10_000; rig.now += 10) {
    id += 1;
    rig.send(1, read(id));
    rig.turn();
  }
  ok(rig.routed.length >= 105 && rig.routed.length <= 112, `${rig.routed.length} in 10 s`);
});

test('streams count until they end, over all connections', () => {
  const rig = new UserRig();
  rig.connect(1, 'ann', { watches: 2 });
  rig.connect(2, 'ann');
  rig.send(1, watch(1));
  rig.send(2, watch(1));
  deepEqual(rig.turn(), []);
  rig.send(2, watch(2));
  const { watchRetryMilliseconds: retryAfterMilliseconds } = USER_LIMITS;
  deepEqual(rig.turn(), [
    { type: 'limited', id: 2, limit: 'watches', allowed: 2, retryAfterMilliseconds },
  ]);
  rig.clients.remove(1);
  rig.send(2, watch(3));
  deepEqual(rig.turn(), []);
  rig.clients.get(2)?.streams.detach(1);
  rig.send(2, watch(4));
  deepEqual(rig.turn(), []);
  rig.send(2, watch(5));
  equal(rig.turn()[0]?.type, 'limited');
  deepEqual(rig.routed, [1, 2, 2, 2]);
});

test('a user with 50 connections and one with a single one get half of the node each', () => {
  const rig = new UserRig();
  for (let connection = 1; connection <= 50; connection++) rig.connect(connection, 'many');
  rig.connect(51, 'one');
  const frames = 20;
  for (let connection = 1; connection <= 51; connection++) {
    // The single connection has as much to do as all others together.
    const count = connection === 51 ? frames * 10 : frames;
    for (let frame = 0; frame < count; frame++) {
      const ids = Array.from({ length: 40 }, (_, at) => frame * 40 + at + 1);
      rig.send(connection, ...ids.map((id) => read(id)));
    }
  }
  for (let turn = 0; turn < 3; turn++) rig.turn();
  ok(rig.fair.hasWork, 'there is more to do');
  const ofOne = rig.routed.filter((connection) => connection === 51).length;
  const half = rig.routed.length / 2;
  ok(Math.abs(ofOne - half) < half / 5, `${ofOne} of ${rig.routed.length}`);
  const served = new Set(rig.routed);
  ok(served.size > 40, `${served.size} of 51 connections were served`);
});

test('reports show the users with the most requests, and forget those without a row', () => {
  let now = 0;
  const uses = new UserUses(() => now);
  const { usersShownMax } = USER_LIMITS;
  const names = Array.from({ length: usersShownMax + 4 }, (_, at) => `user-${at + 10}`);
  const users = names.map((name) => ({ name, roles: [] }));
  const table = { ...NO_ACCESS, isEnabled: true, users };
  names.forEach((name, at) => {
    for (let count = 0; count < at; count++) uses.of(name, table).charge(read(1), 100);
  });
  now += 1;
  const infos = uses.infos();
  equal(infos.length, usersShownMax);
  const most = { user: names.at(-1), requests: names.length - 1, bytes: (names.length - 1) * 100 };
  deepEqual(infos[0], { ...most, connections: 0, watches: 0, limited: 0 });
  uses.learn({ ...table, users: users.slice(0, 3) });
  equal(uses.infos().length, 2);
});
