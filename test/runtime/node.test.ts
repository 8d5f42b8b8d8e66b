/** A node with its process: it starts, stops, starts again, and refuses what it should. */

import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DataFolder } from '../../src/runtime/data-folder.ts';
import { type NodeOptions, type RunningNode, startNode } from '../../src/runtime/node.ts';

const RUNNING = new WeakMap<TestContext, RunningNode[]>();

/** Removed when the test is over and its nodes have stopped. */
function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-node-'));
  context.after(async () => {
    for (const node of RUNNING.get(context) ?? []) await node.stop();
    rmSync(folder, { recursive: true });
  });
  return folder;
}

async function start(context: TestContext, options: Partial<NodeOptions>): Promise<RunningNode> {
  const node = await startNode({
    folder: '',
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    join: [],
    logLevel: 'silent',
    ...options,
  });
  RUNNING.set(context, [...(RUNNING.get(context) ?? []), node]);
  return node;
}

const INIT = { shards: 2, replicas: 3 };

async function get(node: RunningNode, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${node.clientUrl.replace('ws:', 'http:')}${path}`);
  return { status: response.status, text: await response.text() };
}

test('a node that founds a cluster becomes ready and reports its status', async (context) => {
  const node = await start(context, { folder: folderFor(context), init: INIT });
  equal(node.node, 1);
  deepEqual(await get(node, '/healthz'), { status: 200, text: 'ok\n' });
  while ((await get(node, '/readyz')).status !== 200) await pause();
  const metrics = await get(node, '/metrics');
  match(metrics.text, /^ringkv_watch_streams 0$/m);
  match(metrics.text, /^ringkv_watch_lag_entries 0$/m);
  match(metrics.text, /^ringkv_leases 0$/m);
  match(metrics.text, /^ringkv_lease_tombstones 0$/m);
  match(metrics.text, /^ringkv_fenced_total 0$/m);
  match(metrics.text, /^ringkv_keeps_total 0$/m);
  match(metrics.text, /^ringkv_replicas \d+$/m);
  equal((await get(node, '/nothing')).status, 404);
});

test('a node is the same one when it starts again', async (context) => {
  const folder = folderFor(context);
  const first = await start(context, { folder, init: INIT });
  const { cluster } = first;
  await first.stop();
  const second = await start(context, { folder });
  equal(second.cluster, cluster);
  equal(second.node, 1);
});

test('nodes join through one another, and get numbers of their own', async (context) => {
  const first = await start(context, { folder: folderFor(context), init: INIT });
  const second = await start(context, { folder: folderFor(context), join: [first.clientUrl] });
  const third = await start(context, { folder: folderFor(context), join: [second.clientUrl] });
  deepEqual([second.node, third.node], [2, 3]);
  equal(third.cluster, first.cluster);
});

test('a start on a folder without a node says what to do', async (context) => {
  await rejects(start(context, { folder: folderFor(context) }), /--init.*--join/s);
});

test('a folder that another process uses is not touched', async (context) => {
  const folder = folderFor(context);
  await start(context, { folder, init: INIT });
  await rejects(start(context, { folder }), /in use/);
});

test('a damaged identity file is refused by its name', async (context) => {
  const folder = folderFor(context);
  const node = await start(context, { folder, init: INIT });
  await node.stop();
  writeFileSync(join(folder, 'identity'), 'something else altogether');
  await rejects(start(context, { folder }), /identity is damaged/);
});

test('an emptied log is refused: its node may have made promises', async (context) => {
  const folder = folderFor(context);
  const node = await start(context, { folder, init: INIT });
  await node.stop();
  rmSync(join(folder, 'log'), { recursive: true });
  await rejects(start(context, { folder }), /empt/);
});

test('a damaged copy of the map is ignored', async (context) => {
  const folder = folderFor(context);
  const node = await start(context, { folder, init: INIT });
  while ((await get(node, '/readyz')).status !== 200) await pause();
  await node.stop();
  writeFileSync(join(folder, 'map'), 'rubbish');
  const again = await start(context, { folder });
  while ((await get(again, '/readyz')).status !== 200) await pause();
});

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, 20));
}

test('a folder that was refused as an old copy is refused at every start', async (context) => {
  const folder = folderFor(context);
  const node = await start(context, { folder, init: INIT });
  await node.stop();
  const text = new DataFolder(folder).burn('node 1 says so');
  match(text, /older-copy: .*node 1 says so.*No data were lost.*--join/);
  for (let again = 0; again < 2; again++) {
    await rejects(start(context, { folder, init: INIT }), {
      code: 'folder-unusable',
      message: text,
    });
  }
  rmSync(join(folder, 'burnt'));
  await start(context, { folder, init: INIT });
});
