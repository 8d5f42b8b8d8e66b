/** `open(':memory:')`: the same engine, and nothing on disk. */

import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../../src/index.ts';

test('a store in memory does what a store on disk does', async () => {
  await using kv = await open(':memory:');
  await kv.set('a', 1);
  equal((await kv.get('a'))?.value, 1);
  equal(await kv.add('visits', 5), 5n);
  equal((await kv.set('a', 2, { ifVersion: 7 })).ok, false);
  await kv.transaction(async (tx) => {
    const found = await tx.get('a');
    await tx.set('b', `${found}`);
  });
  await kv.set(['n', 1], 'one');
  await kv.set(['n', 2], 'two');
  const values = [];
  for await (const entry of kv.scan({ prefix: ['n'] })) values.push(entry.value);
  deepEqual(values, ['one', 'two']);
});

test('more than a memtable has stays readable, in order, and can be deleted', async () => {
  await using kv = await open(':memory:');
  const value = 'x'.repeat(4000);
  const rows = 6000;
  for (let at = 0; at < rows; at += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, next) => kv.set(['row', at + next], value)));
  }
  equal(await kv.count({ prefix: ['row'] }), rows);
  equal((await kv.get(['row', 17]))?.value, value);
  const { deleted } = await kv.clear({ prefix: ['row'] });
  equal(deleted, rows);
  equal(await kv.count({ prefix: ['row'] }), 0);
});

test('two stores in memory have nothing in common, and a closed one is gone', async () => {
  await using one = await open(':memory:');
  const other = await open(':memory:', { shards: 4 });
  await one.set('a', 1);
  equal(await other.get('a'), undefined);
  await other.set('a', 2);
  equal((await one.get('a'))?.value, 1);
  await other.close();
  await using third = await open(':memory:');
  equal(await third.get('a'), undefined);
});

test('a store in memory writes nothing to the folder of its process', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-memory-'));
  const before = process.cwd();
  process.chdir(folder);
  context.after(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  const kv = await open(':memory:');
  await kv.set('a', 1);
  await kv.close();
  deepEqual(readdirSync(folder), []);
});
