/** Ways around the clients' door: forwarding, transactions, old epochs, the catalog's own rows. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type Principal, principalOf } from '../../src/access/principal.ts';
import type { NodeId } from '../../src/base/ids.ts';
import { CATALOG_SHARD } from '../../src/catalog/cluster-map.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import { shardAt } from '../../src/catalog/questions.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import { encodeTransaction } from '../../src/machine/transaction-codec.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';
import { encodeNodeMessages, type NodeMessage } from '../../src/wire/node-message.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { clientOf } from '../machine/machine-rig.ts';
import { AccessRig, ENABLE, grant, ROOT } from './access-rig.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

class Doors {
  readonly rig = new AccessRig();
  #sequence = 1;

  static async open(): Promise<Doors> {
    const doors = new Doors();
    await doors.rig.say(ENABLE);
    return doors;
  }

  shardOf(key: string) {
    return shardAt(this.rig.map, keyPosition(bytesOf(key)));
  }

  async leaderOf(key: string): Promise<number> {
    return await this.rig.cluster.leaderSoon(key);
  }

  replicaOf(key: string, node: number) {
    const replica = this.rig.cluster.coreOf(node)?.state.replicas.get(this.shardOf(key).shard);
    if (replica === undefined) throw new Error('no replica');
    return replica;
  }

  /** In a minute of the shard's log time. */
  #deadlineOf(key: string): number {
    const times = [1, 2, 3].map((node) => this.replicaOf(key, node).logTime);
    return Math.round(Math.max(...times)) + 60_000;
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  write(key: string, value: string, epoch?: number): Request & { readonly type: 'write' } {
    const row = this.shardOf(key);
    const operation = setOf(key, value);
    const about = { client: clientOf(1), deadline: this.#deadlineOf(key), sequence: this.#next() };
    const batch = encodeBatch({ ...about, commands: [[operation]] });
    return { type: 'write', id: 1, shard: row.shard, epoch: epoch ?? row.epoch, batch };
  }

  transact(key: string, other: string, more: number): Request {
    const parts = [key, other].map((one, at) => {
      const { shard, epoch } = this.shardOf(one);
      const operations = [setOf(one, 'x')];
      return { shard, epoch: epoch + at * more, deadline: this.#deadlineOf(one), operations };
    });
    const about = { client: clientOf(2), sequence: this.#next(), attempts: 0, age: 1 };
    const { shard, epoch } = this.shardOf(key);
    const transaction = encodeTransaction({ ...about, parts });
    return { type: 'transact', id: 1, shard, epoch, transaction };
  }

  /** As node 2 would forward it to the leader. */
  async forward(message: ForwardMessage, key: string): Promise<void> {
    const leader = await this.leaderOf(key);
    const from = (leader === 2 ? 3 : 2) as NodeId;
    const core = this.rig.cluster.coreOf(leader);
    const bytes = encodeNodeMessages([message as NodeMessage]);
    core?.take({ type: 'peer-frame', node: from, lane: 'main', bytes }, core.state.now);
    await this.rig.cluster.advance(500);
  }

  /** A request of a client of that node, which is this principal. */
  async ask(node: number, request: Request, principal?: Principal): Promise<Response> {
    const answers: Response[] = [];
    const respond = (response: Response) => void answers.push(response);
    this.rig.cluster.coreOf(node)?.ask(request, { isClient: true, principal, respond });
    for (let step = 0; step < 100 && answers.length === 0; step++) {
      await this.rig.cluster.advance(20);
    }
    return answers[0] as Response;
  }

  get root(): Principal | undefined {
    const { access } = this.rig.map;
    return access && principalOf(access, ROOT.row.id, 0);
  }
}

type ForwardMessage = Extract<
  NodeMessage,
  { readonly type: 'forward' | 'forward-as' | 'forward-for' }
>;

function setOf(key: string, value: string): Operation {
  return { type: 'set', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds: 0 };
}

const failureOf = (one: Response) => (one.type === 'failed' ? one.failure : one.type);

test('a forwarded request is permitted anew, for the user that the other node names', async () => {
  const doors = await Doors.open();
  const { rig } = doors;
  const ann = await rig.user('ann', 2, [grant('a/', ['read', 'write'])]);
  const root = await rig.client(ROOT.text);
  const accessVersion = rig.map.access?.version ?? 0;
  const requestOf = (key: string) => encodeRequests([doors.write(key, 'forwarded')]);
  const about = { id: 900, client: 5, accessVersion };
  const stranger = clientOf(9).slice(0, 8);
  const named = (user: string, key: string): ForwardMessage => {
    return { type: 'forward-for', ...about, user, request: requestOf(key) };
  };
  const as = (token: Uint8Array, key: string): ForwardMessage => {
    return { type: 'forward-as', ...about, token, request: requestOf(key) };
  };
  const tries: readonly (readonly [key: string, message: ForwardMessage, isDone: boolean])[] = [
    ['b/1', { type: 'forward', ...about, request: requestOf('b/1') }, false],
    ['b/2', as(ann.row.id, 'b/2'), false],
    ['a/1', as(ann.row.id, 'a/1'), true],
    ['b/3', as(stranger, 'b/3'), false],
    ['b/4', as(ROOT.row.id, 'b/4'), true],
    // A certificate has named these.
    ['a/2', named('ann', 'a/2'), true],
    ['b/5', named('ann', 'b/5'), false],
    ['b/6', named('nemo', 'b/6'), false],
  ];
  for (const [key, message, isDone] of tries) {
    await doors.forward(message, key);
    // The value is no MessagePack, so only whether the key is there counts.
    equal((await root.count({ prefix: key })) === 1, isDone, `${key} as ${message.type}`);
  }
  await rig.cluster.close();
});

test('a client of a node that forwards is refused before it leaves, and is told so', async () => {
  const doors = await Doors.open();
  const leader = await doors.leaderOf('b/1');
  const other = leader === 1 ? 2 : 1;
  for (const node of [leader, other]) {
    equal(failureOf(await doors.ask(node, doors.write('b/1', 'x'))), 'unauthenticated');
    equal(failureOf(await doors.ask(node, doors.write('b/1', 'x'), doors.root)), 'written');
  }
  await doors.rig.cluster.close();
});

test('a transaction whose part has an epoch that its home does not know is not begun', async () => {
  const doors = await Doors.open();
  const other = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'].find((key) => {
    return doors.shardOf(key).shard !== doors.shardOf('home').shard;
  });
  const leader = await doors.leaderOf('home');
  const ahead = doors.transact('home', other ?? '', 1);
  equal(failureOf(await doors.ask(leader, ahead, doors.root)), 'not-here');
  const sound = doors.transact('home', other ?? '', 0);
  equal(failureOf(await doors.ask(leader, sound, doors.root)), 'written');
  await doors.rig.cluster.close();
});

test('what was permitted before a revocation is neither applied nor read after it', async () => {
  const doors = await Doors.open();
  const { rig } = doors;
  const ann = await rig.user('ann', 2, [grant('a/', ['read', 'write'])]);
  const leader = await doors.leaderOf('a/1');
  const replica = doors.replicaOf('a/1', leader);
  const { epoch } = doors.shardOf('a/1');
  const { batch } = doors.write('a/1', 'late');
  await rig.say({ type: 'delete-token', token: ann.row.id });
  equal(replica.machine instanceof DataMachine && replica.machine.epoch, epoch + 1);
  const answers: Response[] = [];
  const responder = { respond: (response: Response) => void answers.push(response) };
  // As the leader would that has not heard of it.
  replica.stamp({ responder, id: 1 }, epoch, { type: 'batch', batch });
  const until = Number.POSITIVE_INFINITY;
  const what = { type: 'keys', keys: [bytesOf('a/1')] } as const;
  replica.read({ requester: { responder, id: 2 }, until, what, epoch });
  await rig.cluster.advance(500);
  const written = answers.find(({ id }) => id === 1);
  const reply = written?.type === 'written' ? decodeReply(written.replies[0] as Uint8Array) : '';
  deepEqual(reply, { type: 'refused', reason: 'wrong-epoch', position: 0 });
  const read = answers.find(({ id }) => id === 2);
  equal(read && failureOf(read), 'not-here');
  await rig.cluster.close();
});

test('the rows of the catalog are no keys of a client, whatever it may read', async () => {
  const doors = await Doors.open();
  const shard = CATALOG_SHARD;
  const about = { id: 1, shard, epoch: 1, patienceMilliseconds: 100 } as const;
  const level = { type: 'linearizable' } as const;
  const empty = new Uint8Array(0);
  const range = { from: empty, to: empty, isReverse: false, answer: 'rows', rowsMax: 99 } as const;
  for (const node of [1, 2, 3]) {
    const asked: Request = { type: 'range', ...about, level, range };
    equal(failureOf(await doors.ask(node, asked, doors.root)), 'forbidden');
  }
  await doors.rig.cluster.close();
});

test('a command of a client is committed under the rights that permitted it', async () => {
  const doors = await Doors.open();
  const { rig } = doors;
  const ann = await rig.user('ann', 2, [grant('a/', ['write'])]);
  const { access } = rig.map;
  const principal = access && principalOf(access, ann.row.id, 0);
  const command = encodeCommand({ type: 'put-user', user: { name: 'eve', roles: ['root'] } });
  const commanding = (bytes: Uint8Array): Request => ({ type: 'command', id: 1, command: bytes });
  for (const node of [1, 2, 3]) {
    equal(failureOf(await doors.ask(node, commanding(command), principal)), 'forbidden');
  }
  const disable = encodeCommand({ type: 'disable-access' });
  equal(failureOf(await doors.ask(2, commanding(disable))), 'unauthenticated');
  equal(rig.map.access?.users.length, 2);
  await rig.cluster.close();
});
