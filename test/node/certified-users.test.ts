/** Clients whose certificates name users: at the door, forwarded, and when rights change. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { shardAt } from '../../src/catalog/questions.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import type { TransportEvent } from '../../src/transport/transport.ts';
import type { Request } from '../../src/wire/request.ts';
import { AccessRig, ENABLE, grant, ROOT, roleOf, tokenFor } from './access-rig.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
type ClientUp = Extract<TransportEvent, { readonly type: 'client-up' }>;
type ClientHello = ClientUp['hello'];

const PLAIN: ClientHello = {
  ...{ type: 'client', versionMin: 1, versionMax: 1, features: [], cluster: '' },
};

class Stage {
  readonly rig = new AccessRig();
  #connection = 900;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await stage.rig.say(ENABLE);
    const role = roleOf('some', [grant('a/', ['read', 'write'])]);
    await stage.rig.say({ type: 'put-role', role });
    await stage.rig.say({ type: 'put-user', user: { name: 'ann', roles: ['some'] } });
    const root = await stage.rig.client(ROOT.text);
    await root.set('a/1', 1);
    await root.set('b/1', 1);
    return stage;
  }

  /** A client of that node whose certificate is this one. */
  up(node: number, certified?: ClientUp['certified'], hello: ClientHello = PLAIN) {
    this.#connection += 1;
    const connection = this.#connection;
    const core = this.rig.cluster.coreOf(node);
    ok(core !== undefined);
    core.take({ type: 'client-up', connection, hello, certified, nodeName: '' }, core.state.now);
    const client = core.state.clients.get(connection);
    ok(client !== undefined);
    const isOpen = () => core.state.clients.get(connection) === client;
    return { client, core, isOpen, nameOf: () => client.principal?.user };
  }

  /** What a client of that node gets for a read of the key. */
  async read({ core, client }: ReturnType<Stage['up']>, key: string): Promise<string> {
    const { shard, epoch } = shardAt(this.rig.map, keyPosition(bytesOf(key)));
    const level = { type: 'linearizable' } as const;
    const about = { id: 7, shard, epoch, level, patienceMilliseconds: 5000 };
    const request: Request = { type: 'read', ...about, keys: [bytesOf(key)] };
    let end = '';
    core.ask(request, {
      isClient: true,
      principal: client.principal,
      respond: (response) => {
        end = response.type === 'failed' ? response.failure : response.type;
      },
    });
    for (let step = 0; step < 100 && end === ''; step++) await this.rig.cluster.advance(20);
    return end;
  }
}

const ANN = { user: 'ann', expiresAt: 0 };
const UNKNOWN = 'unauthenticated';

test('a certificate makes its client a user with all of its roles, at each node', async () => {
  const stage = await Stage.open();
  for (const node of [1, 2, 3]) {
    const ann = stage.up(node, ANN);
    equal(ann.nameOf(), 'ann');
    // At two of three nodes both reads are forwarded, and judged again by the other one.
    equal(await stage.read(ann, 'a/1'), 'rows', `node ${node}`);
    equal(await stage.read(ann, 'b/1'), 'forbidden', `node ${node}`);
    equal(await stage.read(stage.up(node, { user: 'nemo', expiresAt: 0 }), 'a/1'), UNKNOWN);
    equal(await stage.read(stage.up(node), 'a/1'), UNKNOWN, 'a certificate without a user');
  }
  await stage.rig.cluster.close();
});

test('a token counts in place of the certificate, be it valid or not', async () => {
  const stage = await Stage.open();
  const bearer = (token: Uint8Array): ClientHello => ({ ...PLAIN, type: 'bearer', token });
  equal(stage.up(1, ANN, bearer(ROOT.bytes)).nameOf(), 'root');
  const wrong = stage.up(1, ANN, bearer(tokenFor('ann', 9).bytes));
  equal(wrong.nameOf(), undefined);
  equal(await stage.read(wrong, 'a/1'), UNKNOWN);
  await stage.rig.cluster.close();
});

test('with its user the client loses its rights and its connection', async () => {
  const stage = await Stage.open();
  const [ann, early] = [stage.up(2, ANN), stage.up(3, { user: 'eve', expiresAt: 0 })];
  await stage.rig.say({ type: 'put-user', user: { name: 'eve', roles: ['some'] } });
  equal(early.nameOf(), 'eve', 'a user that comes later is known then');
  ok(ann.isOpen() && early.isOpen());
  await stage.rig.say({ type: 'put-user', user: { name: 'ann', roles: ['reader'] } });
  ok(!ann.isOpen(), 'other rights need another connection');
  const again = stage.up(2, ANN);
  await stage.rig.say({ type: 'delete-user', name: 'ann' });
  ok(!again.isOpen());
  equal(again.nameOf(), undefined);
  ok(early.isOpen());
  await stage.rig.cluster.close();
});

test('with the time of the certificate the rights of its client end', async () => {
  const stage = await Stage.open();
  const wall = Math.round(stage.rig.cluster.coreOf(1)?.state.wall ?? 0);
  const ann = stage.up(1, { user: 'ann', expiresAt: wall + 10_000 });
  equal(await stage.read(ann, 'a/1'), 'rows');
  await stage.rig.cluster.advance(11_000);
  ok(!ann.isOpen());
  equal(stage.up(1, { user: 'ann', expiresAt: wall + 10_000 }).nameOf(), undefined);
  await stage.rig.cluster.close();
});
