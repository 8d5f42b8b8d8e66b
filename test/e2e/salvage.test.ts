/** `kvctl salvage` saves sound rows and lists damage; `kvctl load` restores the rows. */

import assert from 'node:assert/strict';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { bytes, open } from '../../src/index.ts';
import { kvctl } from '../cli/called.ts';
import { clusterWith, NODES } from '../cli/small-cluster.ts';
import { change, filesOf } from '../storage/level-folder.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const ROWS = 600;
const BYTES = { codec: bytes };

interface Line {
  readonly key: string;
  readonly value: { readonly $bytes: string };
  readonly version: number;
  readonly ttlMilliseconds?: number;
}

function linesIn(data: Buffer): readonly Line[] {
  const lines = data.toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

/** Names, sizes and contents of all files below. */
function imageOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = statSync(path);
      return `${name} ${size} ${mtimeMs}`;
    });
}

function valueAt(at: number): string {
  return `value ${at} ${'x'.repeat(100)}`;
}

/** Rows in tables; one more change and one more key are in the log alone. */
async function filled(): Promise<string> {
  const folder = join(temporaryFolder(), 'data');
  const kv = await open(folder, BYTES);
  const rows = Array.from({ length: ROWS }, (_, at) => at);
  await Promise.all(rows.map((at) => kv.set(`k${at}`, Buffer.from(valueAt(at)))));
  await kv.set('soon', Buffer.from('gone'), { ttl: 3_600_000 });
  const state = join(folder, 'state');
  const size = () => {
    return filesOf(state, /^\d+\.log$/).reduce(
      (sum, name) => sum + statSync(join(state, name)).size,
      0,
    );
  };
  const until = Date.now() + 30_000;
  while (size() < ROWS * 100) {
    assert.ok(Date.now() < until, 'a checkpoint is written');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await kv.close();
  // Rows in LevelDB's log are in a table afterwards.
  const again = await open(folder, BYTES);
  await again.set('k0', Buffer.from('changed'));
  await again.set('last', Buffer.from('in the log'));
  await again.close();
  return folder;
}

test('of a sound folder everything is saved, with its log, and nothing is changed', async () => {
  const folder = await filled();
  const before = imageOf(folder);
  const { exit, data, notes } = await kvctl(['salvage', folder]);
  assert.equal(exit, 0, notes);
  assert.match(notes, new RegExp(`recovered ${ROWS + 2} keys; 1 of 1 shards are intact`));
  assert.deepEqual(imageOf(folder), before);
  const saved = new Map(linesIn(data).map((line) => [line.key, line]));
  assert.equal(saved.size, ROWS + 2);
  const textOf = (key: string) =>
    Buffer.from(saved.get(key)?.value.$bytes ?? '', 'base64').toString();
  assert.equal(textOf('k0'), 'changed');
  assert.equal(textOf('last'), 'in the log');
  for (let at = 1; at < ROWS; at++) assert.equal(textOf(`k${at}`), valueAt(at));
  assert.ok((saved.get('soon')?.ttlMilliseconds ?? 0) > 3_000_000);
  const path = join(folder, 'saved.ndjson');
  writeFileSync(path, data);
  const store = clusterWith(NODES);
  assert.equal((await kvctl(['load', path], { store })).exit, 0);
  const loaded = await store.get(new TextEncoder().encode('k7'));
  assert.equal(Buffer.from(loaded?.value ?? []).toString(), valueAt(7));
  const again = await kvctl(['load', '-', '--if-absent'], { store, input: data });
  assert.match(again.data.toString(), new RegExp(`0 keys, skipped ${ROWS + 2} that already exist`));
});

test('of a damaged folder the sound rows are saved, and the damage is listed', async () => {
  const folder = await filled();
  const [table = ''] = filesOf(join(folder, 'state'), /\.ldb$/);
  change(join(folder, 'state', table), (old) => old.fill(0xff, 20_000, 20_512) as Buffer);
  const { exit, data, notes } = await kvctl(['salvage', folder]);
  assert.equal(exit, 1);
  assert.match(
    notes,
    new RegExp(`damaged: ${table} the block of \\d+ bytes at byte \\d+ is damaged`),
  );
  assert.match(notes, /keys from after k\d+ to k\d+/);
  assert.match(notes, /0 of 1 shards are intact/);
  const lines = linesIn(data);
  assert.ok(lines.length > ROWS - 100 && lines.length < ROWS + 2, `${lines.length} saved`);
  for (const { key, value } of lines) {
    const text = Buffer.from(value.$bytes, 'base64').toString();
    const at = Number(key.slice(1));
    if (key === 'k0') assert.equal(text, 'changed');
    else if (key === 'last') assert.equal(text, 'in the log');
    else if (key !== 'soon') assert.equal(text, valueAt(at));
  }
  assert.ok(
    lines.some(({ key }) => key === 'last'),
    'rows of the log are saved too',
  );
});

test('a store without its manifest or its log is saved as far as possible', async () => {
  const folder = await filled();
  const state = join(folder, 'state');
  rmSync(join(state, 'CURRENT'));
  const { exit, data, notes } = await kvctl(['salvage', state]);
  assert.equal(exit, 1);
  assert.match(notes, /CURRENT is missing/);
  assert.match(notes, /log: a state store that was set aside has no log/);
  assert.ok(linesIn(data).length >= ROWS);
  const none = await kvctl(['salvage', temporaryFolder()]);
  assert.equal(none.exit, 5);
  assert.match(none.notes, /folder-unusable/);
});

test('a folder of which nothing can be saved is an error', async () => {
  const folder = join(temporaryFolder(), 'data');
  const kv = await open(folder, BYTES);
  await kv.set('only', Buffer.from('in the log'));
  await kv.close();
  const state = join(folder, 'state');
  for (const name of filesOf(state, /^\d+\.log$/)) {
    change(join(state, name), (contents) => contents.fill(0xff) as Buffer);
  }
  const { exit, data, notes } = await kvctl(['salvage', folder]);
  assert.equal(data.length, 0);
  assert.match(notes, /start the node, which replays them/);
  assert.equal(exit, 1);
  // As the message says.
  const again = await open(folder, BYTES);
  assert.deepEqual((await again.get('only'))?.value, new Uint8Array(Buffer.from('in the log')));
  await again.close();
});

test('load names a line that it cannot use, and accepts readable values too', async () => {
  const store = clusterWith(NODES);
  const input = Buffer.from('{"key": "a", "value": {"name": "Ada"}}\n\n{"key": 7, "value": 1}\n');
  const { exit, notes } = await kvctl(['load'], { store, input });
  assert.equal(exit, 2);
  assert.match(notes, /line 3 has no key/);
  assert.ok((await store.get(new TextEncoder().encode('a'))) !== undefined);
});
