/** Real nodes: which of them founds, joins or refuses; and there is one cluster. */

import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { open } from '../../src/index.ts';
import { type NodeOptions, type RunningNode, startNode } from '../../src/runtime/node.ts';

const INIT = { shards: 2, replicas: 3 };

/** Folders and nodes of one test, gone when it is over. */
class Site {
  readonly #running: RunningNode[] = [];
  readonly #root = mkdtempSync(join(tmpdir(), 'ringkv-one-cluster-'));

  constructor(context: TestContext) {
    context.after(async () => {
      for (const node of this.#running) await node.stop();
      rmSync(this.#root, { recursive: true, force: true });
    });
  }

  folder(name: string): string {
    return join(this.#root, name);
  }

  wipe(name: string): void {
    rmSync(this.folder(name), { recursive: true });
  }

  async start(name: string, options: Partial<NodeOptions> = {}): Promise<RunningNode> {
    const node = await startNode({
      name,
      folder: this.folder(name),
      listen: { host: '127.0.0.1', port: 0 },
      advertise: {},
      weight: 1,
      zone: '',
      isInsecureAllowed: false,
      valueBytesMax: 1024 * 1024,
      join: [],
      joinMilliseconds: 20_000,
      logLevel: 'silent',
      ...options,
    });
    this.#running.push(node);
    return node;
  }
}

async function freePorts(count: number): Promise<{ ports: number[]; urls: string[] }> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      return new Promise<ReturnType<typeof createServer>>((resolve) => {
        const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return { ports, urls: ports.map((port) => `ws://127.0.0.1:${port}`) };
}

/** Options of node `at` of a list that all nodes share. */
function listed({ ports, urls }: Awaited<ReturnType<typeof freePorts>>, at: number) {
  return {
    listen: { host: '127.0.0.1', port: ports[at] as number },
    join: urls.filter((_, other) => other !== at),
  };
}

test('three fresh nodes that may all found form one cluster', async (context) => {
  const site = new Site(context);
  const places = await freePorts(3);
  const nodes = await Promise.all(
    [0, 1, 2].map((at) => site.start(`n${at}`, { ...listed(places, at), init: INIT })),
  );
  equal(new Set(nodes.map(({ cluster }) => cluster)).size, 1);
  deepEqual(nodes.map(({ node }) => node).sort(), [1, 2, 3]);
});

test('a founder that lost its folder founds nothing beside the others', async (context) => {
  const site = new Site(context);
  const places = await freePorts(2);
  const start = (at: number, options: Partial<NodeOptions>) => {
    return site.start(`n${at}`, { ...listed(places, at), ...options });
  };
  const [first, second] = await Promise.all([start(0, { init: INIT }), start(1, {})]);
  await settled(second);
  await first.stop();
  site.wipe('n0');
  // A majority of two is gone with it, so it cannot join; but it founds no cluster either.
  const again = start(0, { init: INIT, joinMilliseconds: 1500 });
  await rejects(again, { code: 'folder-unusable', message: /could not join a cluster/ });
  equal((await affiliationAt(second)).cluster, second.cluster);
});

test('a founder that lost its folder and reaches no other refuses to found', async (context) => {
  const site = new Site(context);
  const places = await freePorts(2);
  const told: string[] = [];
  const options = {
    ...listed(places, 0),
    init: INIT,
    joinMilliseconds: 1500,
    onWaiting: (obstacles: readonly string[]) => told.push(obstacles.join()),
  };
  await rejects(site.start('n0', options), {
    code: 'folder-unusable',
    message: /no cluster was founded.*ECONNREFUSED.*--force-new-cluster/s,
  });
  match(told[0] ?? '', /ECONNREFUSED/);
  const forced = await site.start('n0', { ...options, isNewClusterForced: true });
  equal(forced.node, 1);
  await forced.stop();
  const twice = site.start('n0', { ...options, isNewClusterForced: true });
  await rejects(twice, /belongs to node 1 of cluster [0-9a-f]+ already/);
});

test('a node that is stopped while it waits ends its start', async (context) => {
  const site = new Site(context);
  const places = await freePorts(2);
  const stopping = new AbortController();
  const starting = site.start('n0', {
    ...listed(places, 0),
    init: INIT,
    signal: stopping.signal,
    onWaiting: () => stopping.abort(),
  });
  await rejects(starting, { name: 'StartStopped' });
});

test('a cluster that is named is not replaced by another one', async (context) => {
  const site = new Site(context);
  const first = await site.start('n0', { init: INIT });
  const join = [first.clientUrl];
  await rejects(site.start('n1', { join, cluster: 'c0ffee' }), /configured for cluster c0ffee/);
  await rejects(site.start('n1', { init: INIT, cluster: 'c0ffee' }), /c0ffee was not found/);
  const forced = { init: INIT, isNewClusterForced: true, cluster: 'c0ffee' };
  await rejects(site.start('n1', forced), /would be another one/);
  const second = await site.start('n1', { join, cluster: first.cluster });
  equal(second.node, 2);
  await second.stop();
  await rejects(site.start('n1', { cluster: 'c0ffee' }), /the configuration names cluster c0ffee/);
});

test('settings that the cluster does not have are refused, not ignored', async (context) => {
  const site = new Site(context);
  const first = await site.start('n0', { init: INIT, wanted: { shards: 2 } });
  const joining = { join: [first.clientUrl], wanted: { shards: 2, replicas: 5 } };
  await rejects(site.start('n1', joining), /replicas is 5, but the cluster has 3/);
  await settled(first);
  await first.stop();
  const again = { init: { shards: 8, replicas: 3 }, wanted: { shards: 8 } };
  await rejects(site.start('n0', again), /shards is 8, but the cluster has 2/);
  equal((await site.start('n0', { init: INIT, wanted: { replicas: 3 } })).node, 1);
});

test('an unreachable address can be given up: the folder founds or opens', async (context) => {
  const site = new Site(context);
  const places = await freePorts(1);
  const dead = { join: places.urls, joinMilliseconds: 1 };
  await rejects(site.start('n0', dead), /could not join a cluster.*ECONNREFUSED/s);
  equal((await site.start('n0', { init: INIT })).node, 1);
  await rejects(site.start('n1', dead), /could not join a cluster/);
  const kv = await open(site.folder('n1'));
  await kv.set('k', 1);
  await kv.close();
});

test('a folder of one cluster refuses to join another', async (context) => {
  const site = new Site(context);
  const wrong = await site.start('wrong', { init: INIT });
  const right = await site.start('right', { init: INIT });
  const joined = await site.start('n0', { join: [wrong.clientUrl] });
  await joined.stop();
  const given = { join: [right.clientUrl], isJoinGiven: true };
  await rejects(site.start('n0', given), (error: Error) => {
    match(error.message, new RegExp(`node 2 of cluster ${wrong.cluster}`));
    match(error.message, new RegExp(`belongs to cluster ${right.cluster}`));
    match(error.message, /remove node 2 .*empty the folder/);
    return true;
  });
  // With a configured list, one foreign address does not keep a node down.
  equal((await site.start('n0', { join: [right.clientUrl] })).cluster, wrong.cluster);
});

test('a node that joined and lost its map founds nothing, though it may found', async (context) => {
  const site = new Site(context);
  const first = await site.start('n0', { init: INIT });
  // Without weight it gets no replicas, so its log is as empty as that of a founder.
  const options = { init: INIT, join: [first.clientUrl], weight: 0 };
  const second = await site.start('n1', options);
  equal(second.node, 2);
  await second.stop();
  rmSync(join(site.folder('n1'), 'map'));
  await first.stop();
  const alone = await site.start('n1', options);
  const metrics = await fetch(`${alone.clientUrl.replace('ws:', 'http:')}/metrics`);
  match(await metrics.text(), /^ringkv_replicas 0$/m);
});

async function affiliationAt({ clientUrl }: RunningNode): Promise<{ readonly cluster: string }> {
  const response = await fetch(`${clientUrl.replace('ws:', 'http:')}/cluster`);
  return (await response.json()) as { readonly cluster: string };
}

/** Until it knows the map. */
async function settled({ clientUrl }: RunningNode): Promise<void> {
  const ready = `${clientUrl.replace('ws:', 'http:')}/readyz`;
  while ((await fetch(ready)).status !== 200) {
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
