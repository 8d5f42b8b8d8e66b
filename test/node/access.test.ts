/** Whole clusters with access control: clients of several users, forwarding, revocation. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { credentialOf } from '../../src/access/token.ts';
import { decodeMap, encodeMapForClients } from '../../src/catalog/map-bytes.ts';
import type { Client } from '../../src/client/client.ts';
import { AccessControl } from '../../src/node/access-control.ts';
import { AccessRig, ENABLE, grant, ROOT, tokenFor } from './access-rig.ts';

const UNKNOWN = { code: 'unauthenticated', outcome: 'notApplied' } as const;
const FORBIDDEN = { code: 'forbidden', outcome: 'notApplied' } as const;

const KEYS = ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2'];

async function enabled(): Promise<AccessRig> {
  const rig = new AccessRig();
  equal((await rig.say(ENABLE))?.type, 'done');
  return rig;
}

async function fill(kv: Client): Promise<void> {
  for (const key of KEYS) await kv.set(key, key);
}

test('without access control everyone may do everything, with a token or without', async () => {
  const rig = new AccessRig(1, 2);
  const [one, other] = [await rig.client(), await rig.client(tokenFor('zoe', 9).text)];
  await one.set('a', 1);
  equal((await other.get('a'))?.value, 1);
  await rig.cluster.close();
});

test('once it is enabled, a client without a valid token is refused, at every node', async () => {
  const rig = new AccessRig();
  const before = await rig.client();
  await before.set('a', 1);
  await rig.say(ENABLE);
  for (const kv of [before, await rig.client(), await rig.client(tokenFor('root', 9).text)]) {
    await rejects(kv.set('a', 2), UNKNOWN);
    await rejects(kv.get('a'), UNKNOWN);
    await rejects(kv.count(), UNKNOWN);
    await rejects(kv.lock('a'), UNKNOWN);
    await rejects(kv.atomic().set('a', 2).set('b', 2).set('c', 2).commit(), UNKNOWN);
  }
  const root = await rig.client(ROOT.text);
  equal((await root.get('a'))?.value, 1);
  await rig.cluster.close();
});

test('what a user had open before it was enabled is closed: it may be too much', async () => {
  const rig = new AccessRig();
  const token = await rig.user('ann', 2, [grant('a/', ['watch'])]);
  const ann = await rig.client(token.text);
  const seen: unknown[] = [];
  const watching = (async () => {
    for await (const event of ann.watch({ prefix: 'b/' })) seen.push(event);
  })();
  watching.catch(() => {});
  await rig.cluster.advance(2000);
  await rig.say(ENABLE);
  const count = seen.length;
  await (await rig.client(ROOT.text)).set('b/1', 'secret');
  await rig.cluster.advance(2000);
  equal(seen.length, count);
  await rejects(watching, FORBIDDEN);
  await rig.cluster.close();
});

test('a user may do what is granted, and nothing else', async () => {
  const rig = await enabled();
  const root = await rig.client(ROOT.text);
  await fill(root);
  const token = await rig.user('ann', 2, [grant('a/', ['read', 'write', 'watch', 'lock'])]);
  const ann = await rig.client(token.text);
  await ann.set('a/1', 'x');
  equal((await ann.get('a/1'))?.value, 'x');
  equal(await ann.count({ prefix: 'a/' }), 4);
  await ann.transaction(async (tx) => {
    tx.set('a/2', (await tx.get('a/3'))?.value);
  });
  await (await ann.lock('a/lock')).release();
  await rejects(ann.set('b/1', 'x'), FORBIDDEN);
  await rejects(ann.get('b/1'), FORBIDDEN);
  await rejects(ann.getMany(['a/1', 'b/1']), FORBIDDEN);
  await rejects(ann.delete('b/1'), FORBIDDEN);
  await rejects(ann.lock('b/lock'), FORBIDDEN);
  await rejects(ann.count(), FORBIDDEN, 'a wider range is refused, not cut');
  await rejects(ann.count({ from: 'a/', to: 'a0x' }), FORBIDDEN, 'one key beyond the edge');
  await rejects(ann.snapshot(['a/1', 'b/1']), FORBIDDEN);
  // Over several shards, so each part counts, and a check of a key is a read.
  await rejects(ann.atomic().set('a/1', 1).set('a/2', 1).set('b/1', 1).commit(), FORBIDDEN);
  const checked = ann.atomic().check({ key: 'b/1', version: 0 }).set('a/1', 1).set('a/2', 1);
  await rejects(checked.commit(), FORBIDDEN);
  await rejects(async () => {
    for await (const _ of ann.watch({ prefix: 'b/' })) break;
  }, FORBIDDEN);
  deepEqual(
    (await root.getMany(['b/1', 'b/2'])).map((entry) => entry?.value),
    ['b/1', 'b/2'],
  );
  await rig.cluster.close();
});

test('a reader writes nothing, and one that only writes reads nothing', async () => {
  const rig = await enabled();
  const root = await rig.client(ROOT.text);
  await fill(root);
  await rig.say({ type: 'put-user', user: { name: 'eve', roles: ['reader'] } });
  const token = tokenFor('eve', 3);
  await rig.say({ type: 'put-token', token: token.row });
  const eve = await rig.client(token.text);
  equal(await eve.count(), KEYS.length);
  await rejects(eve.set('a/1', 'x'), FORBIDDEN);
  await rejects(eve.add('a/n'), FORBIDDEN);
  await rejects(eve.lock('a/1'), FORBIDDEN);
  const blind = await rig.client((await rig.user('bob', 4, [grant('a/', ['write'])])).text);
  await blind.set('a/1', 'x');
  await rejects(blind.get('a/1'), FORBIDDEN);
  await rejects(blind.set('a/1', 'y', { ifVersion: 1 }), FORBIDDEN, 'a check tells of the value');
  await rig.cluster.close();
});

test('a token has no more than its scope, and no more than its user has now', async () => {
  const rig = await enabled();
  await rig.say({ type: 'put-user', user: { name: 'eve', roles: ['reader', 'writer'] } });
  const narrow = tokenFor('eve', 5, ['reader']);
  await rig.say({ type: 'put-token', token: narrow.row });
  const eve = await rig.client(narrow.text);
  await rejects(eve.set('a', 1), FORBIDDEN);
  equal(await eve.count(), 0);
  await rig.say({ type: 'put-user', user: { name: 'eve', roles: ['writer'] } });
  await rejects(eve.count(), FORBIDDEN, 'what the user lost, the token lost');
  await rig.cluster.close();
});

test('a revoked token is refused everywhere, and what it has open is closed', async () => {
  const rig = await enabled();
  const root = await rig.client(ROOT.text);
  await fill(root);
  const token = await rig.user('ann', 2, [grant('a/', ['read', 'write', 'watch', 'lock'])]);
  const ann = await rig.client(token.text);
  await ann.set('a/1', 'x');
  const watch = ann.watch({ prefix: 'a/' });
  const seen: unknown[] = [];
  const watching = (async () => {
    for await (const event of watch) seen.push(event);
  })();
  watching.catch(() => {});
  await rig.cluster.advance(2000);
  const epochs = rig.map.shards.map(({ epoch }) => epoch);
  await rig.say({ type: 'delete-token', token: token.row.id });
  deepEqual(
    rig.map.shards.map(({ epoch }) => epoch),
    epochs.map((epoch, shard) => (shard === 0 ? epoch : epoch + 1)),
    'every data shard adopts it',
  );
  const count = seen.length;
  await root.set('a/2', 'secret');
  await rig.cluster.advance(2000);
  equal(seen.length, count, 'nothing that came after the revocation');
  await rejects(watching, UNKNOWN);
  await rejects(ann.set('a/1', 'y'), UNKNOWN);
  await rejects(ann.get('a/1'), UNKNOWN);
  equal((await root.get('a/1'))?.value, 'x');
  await rig.cluster.close();
});

test('a token ends at its time, also on a connection that is open', async () => {
  const rig = await enabled();
  const token = tokenFor('root', 6);
  const wall = Math.round(rig.cluster.coreOf(1)?.state.wall ?? 0);
  await rig.say({ type: 'put-token', token: { ...token.row, expiresAt: wall + 60_000 } });
  const kv = await rig.client(token.text);
  await kv.set('a', 1);
  await rig.cluster.advance(61_000);
  await rejects(kv.set('a', 2), UNKNOWN);
  await rig.cluster.close();
});

test('the last token that can change rights stays', async () => {
  const rig = await enabled();
  const refused = { type: 'refused', reason: 'last-root' };
  deepEqual(await rig.say({ type: 'delete-token', token: ROOT.row.id }), refused);
  deepEqual(await rig.say({ type: 'delete-user', name: 'root' }), refused);
  deepEqual(await rig.say({ type: 'put-user', user: { name: 'root', roles: [] } }), refused);
  await rig.cluster.close();
});

test('what a client gets of the map has no users, tokens or roles', async () => {
  const rig = await enabled();
  const { maps } = rig.cluster.coreOf(2)?.state ?? {};
  equal(maps?.map?.access?.tokens.length, 1, 'every node has them');
  const text = new TextDecoder('latin1').decode(maps?.clientBytes);
  equal(text.includes('root'), false);
  await rig.cluster.close();
});

test('a client is known once a node has the rest of a map that it had without users', async () => {
  const rig = await enabled();
  const core = rig.cluster.coreOf(1);
  ok(core !== undefined);
  const { clients, transport } = core.state;
  const client = clients.add(99);
  client.credential = credentialOf(ROOT.bytes);
  const hidden = decodeMap(encodeMapForClients(rig.map), undefined);
  const { fair } = core.state;
  const node = { map: hidden, wall: 0, isCertified: false, clients, transport, fair };
  const access = new AccessControl(node);
  const nameOfUser = () => client.principal?.user;
  access.tick();
  equal(nameOfUser(), undefined);
  // The version is the same.
  node.map = rig.map;
  access.tick();
  equal(nameOfUser(), 'root');
  await rig.cluster.close();
});
