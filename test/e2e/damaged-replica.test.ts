/** One node of three starts with a damaged state store: it repairs it and stays the same node. */

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { connect } from '../../src/index.ts';
import { type RunningNode, startNode } from '../../src/runtime/node.ts';
import { change, filesOf } from '../storage/level-folder.ts';
import { temporaryFolder } from '../storage/temporary.ts';
import { isSpread } from './spread.ts';

const ROWS = 500;
const TIMEOUT = { timeout: 60_000 };
const LONG = { timeout: 150_000 };

/** The output of all nodes of this file. */
const said: string[] = [];

function start(folder: string, join: readonly string[]): Promise<RunningNode> {
  return startNode({
    folder,
    listen: { host: '127.0.0.1', port: 0 },
    advertise: {},
    weight: 1,
    name: '',
    zone: '',
    isInsecureAllowed: false,
    valueBytesMax: 1024 * 1024,
    join,
    logLevel: 'info',
    log: { write: (line) => said.push(line) },
    ...(join.length === 0 ? { init: { shards: 2, replicas: 3 } } : {}),
  });
}

async function until(what: string, isDone: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await isDone())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function logBytes(folder: string): number {
  const state = join(folder, 'state');
  const names = filesOf(state, /^\d+\.log$/);
  return names.reduce((sum, name) => sum + statSync(join(state, name)).size, 0);
}

function tablesIn(folder: string): readonly string[] {
  const state = join(folder, 'state');
  return filesOf(state, /\.ldb$/)
    .map((name) => join(state, name))
    .filter((path) => statSync(path).size > 2048);
}

/** Three nodes, the last of which is stopped, with every row in a table of its store. */
async function threeNodes(context: TestContext) {
  const root = temporaryFolder();
  const folderOf = (number: number) => join(root, `n${number}`);
  const one = await start(folderOf(1), []);
  const nodes = [one];
  context.after(() => Promise.all(nodes.map((node) => node.stop())));
  for (const number of [2, 3]) nodes.push(await start(folderOf(number), [one.clientUrl]));
  await until('three voters', () => isSpread(one.clientUrl));
  const kv = await connect(one.clientUrl);
  context.after(() => kv.close());
  const rows = Array.from({ length: ROWS }, (_, at) => at);
  for (const round of ['old', 'new']) {
    const valueAt = (at: number) => `${round} ${at} ${'x'.repeat(50)}`;
    await Promise.all(rows.map((at) => kv.set(`k${at}`, valueAt(at), TIMEOUT)));
    await until('a checkpoint', () => logBytes(folderOf(3)) > ROWS * 50);
    // Rows in LevelDB's log are in a table afterwards.
    await nodes.pop()?.stop();
    nodes.push(await start(folderOf(3), [one.clientUrl]));
  }
  const three = nodes.pop();
  await three?.stop();
  assert.ok(tablesIn(folderOf(3)).length > 0);
  return { one, three, nodes, kv, rows, folderOf };
}

test('a node of three with a damaged store is fed by the others', LONG, async (context) => {
  const { one, three, nodes, kv, rows, folderOf } = await threeNodes(context);
  for (const path of tablesIn(folderOf(3))) {
    change(path, (bytes) => bytes.fill(0xff, 1024, 1536) as Buffer);
  }
  const healed = await start(folderOf(3), [one.clientUrl]);
  nodes.push(healed);
  assert.equal(healed.node, three?.node, 'the same node');
  const aside = readdirSync(folderOf(3)).filter((name) => name.startsWith('state.damaged-'));
  assert.deepEqual(aside, ['state.damaged-1']);
  // Each of the two that are left has to have everything.
  await until('it is no worse than the others', async () => {
    const metrics = await fetch(`${healed.clientUrl.replace('ws:', 'http:')}/metrics`);
    return /ringkv_replicas_quarantined 0/.test(await metrics.text());
  });
  await nodes.splice(1, 1)[0]?.stop();
  for (const at of rows) {
    const found = await kv.get(`k${at}`, TIMEOUT);
    assert.equal(String(found?.value).slice(0, 4), 'new ');
  }
});

/** The record of a key, in a store that is closed otherwise. */
async function storedRow(folder: string, key: string) {
  const encodings = { keyEncoding: 'view', valueEncoding: 'view', compression: false } as const;
  const level = new ClassicLevel<Uint8Array, Uint8Array>(join(folder, 'state'), encodings);
  const rows = await level.iterator().all();
  const row = rows.find(([stored]) => stored[0] === 3 && Buffer.from(stored).includes(key));
  return { row, level };
}

test('a row that its store has lost comes back from the others', LONG, async (context) => {
  const { one, nodes, folderOf } = await threeNodes(context);
  const { row, level } = await storedRow(folderOf(3), 'k123');
  assert.ok(row);
  await level.del(row[0], { sync: true });
  await level.close();
  said.length = 0;
  const healed = await start(folderOf(3), [one.clientUrl]);
  nodes.push(healed);
  await until('it is found and repaired', () => /state-restored/.test(said.join('')));
  assert.match(said.join(''), /rows on disk are incomplete[\s\S]*state-quarantined/);
  await nodes.pop()?.stop();
  const found = await storedRow(folderOf(3), 'k123');
  await found.level.close();
  assert.deepEqual(found.row?.[1].subarray(8), row[1].subarray(8));
});
