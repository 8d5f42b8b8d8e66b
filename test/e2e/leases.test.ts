/** Leases and locks on real sockets and disks, by raw requests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_LIMITS } from '../../src/base/coordination-limits.ts';
import { connect, utf8 } from '../../src/index.ts';
import type { LeaseReference } from '../../src/machine/command.ts';
import {
  acquire,
  attach,
  endLease,
  fence,
  known,
  lease,
  release,
} from '../machine/coordination-rig.ts';
import { put } from '../machine/machine-rig.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { LeaseClient, pause } from './lease-client.ts';
import { LoneNode } from './lone-node.ts';

const LONG = { timeout: 120_000 };
const TTL = 5000;

/** Keeps the lease alive until told to stop, as a client does. */
function keepAlive(client: LeaseClient, kept: LeaseReference) {
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      const ended = await client.keep(kept);
      assert.deepEqual(ended, [], 'it is alive');
      await pause(TTL / 8);
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
  };
}

test('an attached key lives as long as its lease is kept alive', LONG, async () => {
  const node = await LoneNode.start(temporaryFolder());
  const kv = await connect([node.url], { codec: utf8 });
  const has = async (key: string) => (await kv.get(key)) !== undefined;
  const client = await LeaseClient.open(node.port);
  try {
    await client.do(attach('here', 'v', lease(1, TTL)), attach('there', 'v', lease(1, TTL)));
    await client.do(put('other', 'v'));
    const stop = keepAlive(client, known(1));
    await pause(2 * TTL);
    assert.deepEqual([await has('here'), await has('there')], [true, true]);
    const [listed] = await client.leases();
    assert.ok(listed !== undefined && !listed.isEnded && listed.leftMilliseconds > 0);
    const { coordination } = await client.info();
    assert.equal(coordination.leases, 1);
    assert.ok(coordination.kept > 0);
    await stop();
    while ((await has('here')) || (await has('there'))) await pause();
    assert.equal(await has('other'), true);
    assert.equal((await client.keep(known(1))).length, 1, 'it has ended');
    while ((await client.leases()).length > 0) await pause();
    assert.equal((await client.info()).coordination.expired, 1);
  } finally {
    client.end();
    await kv.close();
    await node.end();
  }
});

test('a node that stood still ends no lease whose keepalive is in its socket', LONG, async () => {
  const node = await LoneNode.start(temporaryFolder());
  const client = await LeaseClient.open(node.port);
  try {
    // Less than what a lease loses in any gap.
    const ttl = COORDINATION_LIMITS.leaseStepMillisecondsMax;
    await client.do(attach('here', 'v', lease(1, ttl)));
    const stop = keepAlive(client, known(1));
    for (let count = 0; count < 2; count++) {
      await pause(1000);
      node.signal('SIGSTOP');
      await pause(2 * ttl);
      node.signal('SIGCONT');
    }
    await pause(1000);
    await stop();
    assert.equal((await client.leases())[0]?.isEnded, false);
  } finally {
    client.end();
    await node.end();
  }
});

test('a lock is handed over by its owner, by the end of a lease, and by death', LONG, async () => {
  const node = await LoneNode.start(temporaryFolder());
  const clients: LeaseClient[] = [];
  try {
    for (let count = 0; count < 4; count++) clients.push(await LeaseClient.open(node.port));
    const [one, two, three, four] = clients as [LeaseClient, LeaseClient, LeaseClient, LeaseClient];
    const hour = 3_600_000;
    const first = await one.output(acquire('cron', 1, lease(1, hour)));
    assert.ok(first.type === 'ticket' && first.fence > 0);
    await two.do(acquire('cron', 2, lease(2, hour)));
    await three.do(acquire('cron', 3, lease(3, TTL)));
    await four.do(acquire('cron', 4, lease(4, hour)));
    const [second, third, fourth] = [
      two.fenceOf('cron', 2),
      three.fenceOf('cron', 3),
      four.fenceOf('cron', 4),
    ];
    const stop = keepAlive(three, known(3));
    await one.do(release('cron', 1));
    const tokenOfTwo = await second;
    assert.ok(tokenOfTwo > first.fence);
    await two.do(endLease(2));
    const tokenOfThree = await third;
    assert.ok(tokenOfThree > tokenOfTwo);
    const owners = (await four.tickets()).map(({ id, fence: token }) => [id, token > 0]);
    assert.deepEqual(owners, [
      [3, true],
      [4, false],
    ]);
    await stop();
    three.end();
    assert.ok((await fourth) > tokenOfThree);
  } finally {
    for (const client of clients) client.end();
    await node.end();
  }
});

test('the leader is killed: no lease ends, no wait is lost, no token falls', LONG, async () => {
  const folder = temporaryFolder();
  const first = await LoneNode.start(`${folder}/1`);
  const join = `ws://127.0.0.1:${first.port}`;
  const nodes = [first];
  for (const name of ['2', '3']) {
    nodes.push(await LoneNode.start(`${folder}/${name}`, { shards: 0, join }));
  }
  const clients: LeaseClient[] = [];
  try {
    const leader = await leaderOf(nodes);
    const others = nodes.filter((node) => node !== leader);
    for (const { port } of [...others, ...others]) clients.push(await LeaseClient.open(port));
    const [owner, waiting, keeper, writer] = clients as [
      LeaseClient,
      LeaseClient,
      LeaseClient,
      LeaseClient,
    ];
    await owner.do(attach('mine', 'v', lease(1, TTL)));
    const owned = await owner.output(acquire('cron', 1, known(1)));
    assert.ok(owned.type === 'ticket' && owned.fence > 0);
    await waiting.do(acquire('cron', 2, lease(2, 3_600_000)));
    const granted = waiting.fenceOf('cron', 2);
    const stop = keepAlive(keeper, known(1));
    await leader.end();
    await writer.do(put('any', 'v'));
    await pause(2 * TTL);
    const owners = (await writer.tickets()).map(({ id, fence: token }) => [id, token]);
    assert.deepEqual(owners, [
      [1, owned.fence],
      [2, 0],
    ]);
    await stop();
    const token = await granted;
    assert.ok(token > owned.fence);
    assert.equal((await waiting.do(fence('cron', token), put('job', 'new'))).type, 'done');
    const late = await owner.do(fence('cron', owned.fence), put('job', 'old'));
    assert.deepEqual(late, { type: 'check-failed', position: 0, version: token });
  } finally {
    for (const client of clients) client.end();
    for (const node of nodes) await node.end();
  }
});

/** Of the shard, once all nodes have replicas that vote. */
async function leaderOf(nodes: readonly LoneNode[]): Promise<LoneNode> {
  for (;;) {
    for (const node of nodes) {
      const client = await LeaseClient.open(node.port);
      const isLeader = await client.isAtLeader({ voters: nodes.length });
      client.end();
      if (isLeader) return node;
    }
    await pause();
  }
}
