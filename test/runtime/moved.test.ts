/** Nodes that have all moved find each other at the addresses that they are started with. */

import { equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../../src/index.ts';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';

interface Start {
  readonly folder: string;
  readonly port: number;
  readonly join: readonly string[];
  readonly isFirst: boolean;
}

function start({ folder, port, join: urls, isFirst }: Start): Promise<RunningNode> {
  return startNode({
    folder,
    listen: { host: '127.0.0.1', port },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    init: isFirst ? { shards: 1, replicas: 3 } : undefined,
    isNewClusterForced: isFirst,
    join: urls,
    logLevel: 'silent',
  });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/** Removed when the nodes that run by then have stopped. */
function folderFor(t: TestContext, running: RunningNode[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-moved-'));
  t.after(async () => {
    await Promise.all(running.map((node) => node.stop()));
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('a cluster whose nodes have all moved reconnects', async (t) => {
  const running: RunningNode[] = [];
  const folder = folderFor(t, running);
  const folders = ['n1', 'n2', 'n3'].map((name) => join(folder, name));
  const urlOf = (port: number) => `ws://127.0.0.1:${port}`;
  const startAll = async (ports: readonly number[], isFirst: boolean) => {
    const nodes: RunningNode[] = [];
    for (const [at, port] of ports.entries()) {
      const others = ports.filter((other) => other !== port).map(urlOf);
      const founds = isFirst && at === 0;
      const path = folders[at] ?? '';
      nodes.push(await start({ folder: path, port, join: others, isFirst: founds }));
    }
    return nodes;
  };
  const before = await freePorts(3);
  const nodes = await startAll(before, true);
  const first = await connect(before.map(urlOf));
  await first.set('key', 'value', { timeout: 30_000 });
  await hasTwoReplicas(before.map(urlOf));
  await first.close();
  await Promise.all(nodes.map((node) => node.stop()));

  const after = await freePorts(3);
  running.push(...(await startAll(after, false)));
  const kv = await connect(after.map(urlOf));
  equal((await kv.get('key', { timeout: 60_000 }))?.value, 'value');
  ok((await kv.set('key', 'new', { timeout: 60_000 })).version > 0);
  await kv.close();
});

/** The catalog and the shard on each of them: none serves alone. */
async function hasTwoReplicas(urls: readonly string[]): Promise<void> {
  for (;;) {
    const texts = await Promise.all(
      urls.map(async (url) => (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text()),
    );
    if (texts.every((text) => /^ringkv_replicas 2$/m.test(text))) return;
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, 100));
}
