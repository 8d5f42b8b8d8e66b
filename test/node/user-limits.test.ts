/** Limits of users in whole clusters: refused at the node, waited for by the client library. */

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { UNLIMITED, type UserLimits } from '../../src/access/user-limits.ts';
import { isKvError, type KvError } from '../../src/base/errors.ts';
import type { NodeId } from '../../src/base/ids.ts';
import type { Client } from '../../src/client/client.ts';
import { encodeNodeMessages } from '../../src/wire/node-message.ts';
import { encodeRequests } from '../../src/wire/request.ts';
import { AccessRig, ENABLE, grant, ROOT } from './access-rig.ts';

const LIMITED = { code: 'limit-exceeded', outcome: 'notApplied' } as const;
const VERBS = ['read', 'write', 'watch', 'lock'] as const;

class LimitRig {
  readonly rig: AccessRig;
  #number = 1;

  constructor(nodes: number, shards: number) {
    this.rig = new AccessRig(nodes, shards);
  }

  /** Access control is enabled. */
  static async open(nodes = 1, shards = 1): Promise<LimitRig> {
    const made = new LimitRig(nodes, shards);
    equal((await made.rig.say(ENABLE))?.type, 'done');
    return made;
  }

  async limit(user: string, limits: Partial<UserLimits>): Promise<void> {
    const command = { type: 'limit-user', limits: { ...UNLIMITED, ...limits, user } } as const;
    equal((await this.rig.say(command))?.type, 'done');
  }

  /** A user of the keys `a/…`; returns the text of its token. */
  async user(name: string, limits: Partial<UserLimits>): Promise<string> {
    this.#number += 1;
    const { text } = await this.rig.user(name, this.#number, [grant('a/', VERBS)]);
    await this.limit(name, limits);
    return text;
  }

  /** Time goes on until it is settled: a watch alone does not move the clock. */
  async during<Result>(call: Promise<Result>): Promise<Result> {
    let isOver = false;
    const done = () => {
      isOver = true;
    };
    call.then(done, done);
    while (!isOver) await this.rig.cluster.advance(100);
    return await call;
  }

  get clients() {
    return this.rig.cluster.coreOf(1)?.state.clients.all() ?? [];
  }
}

async function failureOf(call: Promise<unknown>): Promise<KvError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  ok(isKvError(failure));
  return failure;
}

test('the client waits until its user may go on, within the time of the call', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const ann = await rig.client(await limited.user('ann', { requestsPerSecond: 10 }));
  const { now } = rig.cluster;
  for (let at = 0; at < 40; at++) await ann.set('a/1', at);
  const seconds = (rig.cluster.now - now) / 1000;
  ok(seconds > 2.5 && seconds < 8, `${seconds} s`);
  equal((await ann.get('a/1'))?.value, 39);
  await rig.cluster.close();
});

test('a call that has no time to wait fails with the limit, and has not been applied', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const token = await limited.user('ann', { requestsPerSecond: 2 });
  const ann = await rig.client(token);
  // One frame: each of them counts.
  await Promise.all(Array.from({ length: 40 }, (_, at) => ann.set(`a/${at}`, at)));
  const failure = await failureOf(ann.set('a/x', 1, { timeout: 3000 }));
  deepEqual(
    [failure.code, failure.outcome, failure.retryable],
    ['limit-exceeded', 'notApplied', true],
  );
  match(
    failure.message,
    /the user may make 2 requests a second at this node \(requestsPerSecond\)/,
  );
  match(failure.hint, /kvctl user limit/);
  await ann.close();
  const again = await rig.client(token);
  await rejects(again.get('a/1', { timeout: 3000 }), LIMITED, 'it is the same user');
  const root = await rig.client(ROOT.text);
  equal(await root.get('a/x'), undefined);
  const bob = await rig.client(await limited.user('bob', {}));
  await bob.set('a/y', 1);
  await rig.cluster.close();
});

test('bytes that were sent and received are waited for', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const ann = await rig.client(await limited.user('ann', { bytesPerSecond: 100_000 }));
  await ann.set('a/1', new Uint8Array(500_000));
  await rejects(ann.get('a/1', { timeout: 2000 }), LIMITED);
  await rig.cluster.advance(4000);
  const entry = await ann.get('a/1');
  ok(entry?.value instanceof Uint8Array && entry.value.length === 500_000);
  const failure = await failureOf(ann.get('a/1', { timeout: 2000 }));
  match(failure.message, /may send and receive 100000 bytes a second .*\(bytesPerSecond\)/);
  await rig.cluster.close();
});

test('one connection too many is refused with the limit, until another one ends', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const token = await limited.user('ann', { connections: 2 });
  const first = await rig.client(token);
  const second = await rig.client(token);
  await Promise.all([first.set('a/1', 1), second.set('a/2', 2)]);
  const failure = await failureOf(rig.client(token));
  deepEqual([failure.code, failure.outcome], ['limit-exceeded', 'notApplied']);
  match(failure.message, /the user may have 2 connections at this node \(connections\)/);
  await first.close();
  await rig.cluster.advance(100);
  const third = await rig.client(token);
  await third.set('a/3', 3);
  await rig.cluster.close();
});

test('calls that cannot connect fail with the limit, and none is in doubt', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const token = await limited.user('ann', { connections: 1 });
  const first = await rig.client(token);
  await limited.limit('ann', {});
  const second = await rig.client(token);
  await second.set('a/1', 1);
  await limited.limit('ann', { connections: 1 });
  // The oldest stays.
  await first.set('a/2', 2);
  await rejects(second.set('a/1', 2, { timeout: 3000 }), LIMITED);
  equal((await first.get('a/1'))?.value, 1);
  await first.close();
  await second.set('a/1', 3);
  await rig.cluster.close();
});

test('an administrator connects whatever its limit is', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  await limited.limit('root', { connections: 1 });
  const all = await Promise.all([1, 2, 3].map(() => rig.client(ROOT.text)));
  for (const root of all) await root.set('k', 1);
  equal(limited.clients.length, 3);
  await limited.limit('root', { connections: 2 });
  equal(limited.clients.length, 3);
  await rig.cluster.close();
});

async function firstOf(kv: Client, prefix: string): Promise<unknown> {
  for await (const event of kv.watch({ prefix, changesOnly: true })) return event;
  return undefined;
}

test('streams beyond the limit are refused, and begin once others have ended', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const token = await limited.user('ann', { watches: 1 });
  const [one, other] = [await rig.client(token), await rig.client(token)];
  await one.set('a/1', 1);
  const controller = new AbortController();
  let hasBegun = false;
  const open = (async () => {
    const { signal } = controller;
    for await (const _ of one.watch({ prefix: 'a/', signal })) hasBegun = true;
  })().catch(() => {});
  while (!hasBegun) await rig.cluster.advance(50);
  const failure = await failureOf(limited.during(firstOf(other, 'a/')));
  equal(failure.code, 'limit-exceeded');
  match(failure.message, /may have 1 streams of watches open at this node \(watches\)/);
  controller.abort();
  await limited.during(open);
  ok((await limited.during(firstOf(other, 'a/'))) !== undefined);
  await rig.cluster.close();
});

test('limits hold with access control only', async () => {
  const limited = await LimitRig.open();
  const { rig } = limited;
  const ann = await rig.client(await limited.user('ann', { requestsPerSecond: 1 }));
  await ann.getMany(Array.from({ length: 30 }, (_, at) => `a/${at}`));
  await rejects(ann.get('a/1', { timeout: 1000 }), LIMITED);
  await rig.say({ type: 'disable-access' });
  await ann.getMany(Array.from({ length: 30 }, (_, at) => `a/${at}`));
  await ann.get('a/1');
  await rig.cluster.close();
});

test('the connections of a user share one turn, also those that other nodes forward', async () => {
  const limited = await LimitRig.open(3, 2);
  const { rig } = limited;
  const token = await limited.user('ann', {});
  const bob = await rig.client(await limited.user('bob', {}));
  for (const kv of [await rig.client(token), await rig.client(token), bob]) {
    for (const key of ['a/1', 'a/2', 'a/3', 'a/4']) await kv.set(key, 1);
  }
  const core = rig.cluster.coreOf(await rig.cluster.leaderSoon('a/1'));
  ok(core !== undefined);
  const clients = core.state.clients.all();
  const groupsOf = (user: string) => {
    const own = clients.filter(({ principal }) => principal?.user === user);
    return own.map(({ share }) => share.group);
  };
  const [one, other] = groupsOf('ann');
  equal(groupsOf('ann').length, 2);
  ok(one !== undefined && one === other);
  notEqual(groupsOf('bob')[0], one);
  const ring: unknown[] = [];
  const { fair } = core.state;
  const add = fair.add.bind(fair);
  fair.add = (share, job, stage) => {
    ring.push(share?.group);
    add(share, job, stage);
  };
  const from = (core.state.self.node === 1 ? 2 : 1) as NodeId;
  const accessVersion = rig.map.access?.version ?? 0;
  const request = encodeRequests([{ type: 'map', id: 1, knownVersion: 0 }]);
  const row = rig.map.access?.tokens.find(({ user }) => user === 'ann');
  ok(row !== undefined);
  const message = { type: 'forward-as', id: 9, client: 77, token: row.id, accessVersion, request };
  const bytes = encodeNodeMessages([message as never]);
  core.take({ type: 'peer-frame', node: from, lane: 'main', bytes }, core.state.now);
  ok(ring.length === 1 && ring[0] === one, 'it waits in the group of its user');
  await rig.cluster.close();
});

test('a client that connected before access control was enabled is counted then', async () => {
  const limited = new LimitRig(1, 1);
  const { rig } = limited;
  const { text } = await rig.user('ann', 2, [grant('a/', VERBS)]);
  await limited.limit('ann', { requestsPerSecond: 5 });
  const ann = await rig.client(text);
  for (let at = 0; at < 50; at++) await ann.set('a/1', at);
  await rig.say(ENABLE);
  // It learns the new epochs.
  await ann.get('a/1');
  await rig.cluster.advance(2000);
  await Promise.all(Array.from({ length: 40 }, (_, at) => ann.set(`a/${at}`, at)));
  await rejects(ann.get('a/1', { timeout: 2000 }), LIMITED);
  await rig.cluster.close();
});
