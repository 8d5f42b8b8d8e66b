/** What `kvctl watch` prints, keeps and ends with. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StoredChange } from '../../cli/store.ts';
import { KvError } from '../../src/index.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

const rest = { previousVersion: 0, transaction: '1-7-0' };

function set(store: MemoryStore, key: string, value: unknown, isInitial = false): StoredChange {
  const stored = { value: store.codec.encode(value), version: 7, isInitial };
  return { type: 'set', key: Buffer.from(key), ...stored, ...rest };
}

function storeOf(): MemoryStore {
  const store = new MemoryStore();
  const key = Buffer.from('b');
  store.changes = [
    set(store, 'a', 1, true),
    { type: 'synced' },
    set(store, 'b', 'two'),
    { type: 'progress' },
    { type: 'lagging', milliseconds: 2100 },
    { type: 'compacted', differences: true },
    { type: 'delete', key, ...rest },
    { type: 'expire', key, ...rest },
  ];
  return store;
}

test('watch prints a line for each change, and the rest to standard error', async () => {
  const { exit, data, notes } = await kvctl(['watch', '--limit', '4'], { store: storeOf() });
  equal(exit, 0);
  equal(data.toString(), 'set     a  7  1\nset     b  7  two\ndelete  b\nexpire  b\n');
  deepEqual(notes.split('\n').slice(0, 3), [
    'up to date; following changes',
    'output is slower than the changes: they waited for 2 s',
    'changes were forgotten by the cluster: the keys are read again, and their differences follow',
  ]);
});

test('programs get an object for each change, and what else they have to know', async () => {
  const words = ['watch', '--limit', '4', '-o', 'ndjson'];
  const { data } = await kvctl(words, { store: storeOf() });
  const lines = data.toString().trim().split('\n');
  deepEqual(
    lines.map((line) => JSON.parse(line).type),
    ['set', 'synced', 'set', 'lagging', 'compacted', 'delete', 'expire'],
  );
  deepEqual(JSON.parse(lines[2] ?? ''), {
    type: 'set',
    key: 'b',
    value: 'two',
    version: 7,
    previousVersion: 0,
    transaction: '1-7-0',
    isInitial: false,
  });
  const raw = await kvctl(['watch', '--limit', '4', '-o', 'raw'], { store: storeOf() });
  equal(raw.data.toString(), 'a\t1\nb\ttwo\nb\nb\n');
  const keys = await kvctl(['watch', '--limit', '2', '-o', 'raw', '--keys'], { store: storeOf() });
  equal(keys.data.toString(), 'a\nb\n');
});

test('one key or a range is watched, with the present keys unless not wanted', async () => {
  const store = storeOf();
  await kvctl(['watch', 'user:7', '--limit', '1'], { store });
  await kvctl(['watch', '--prefix', 'user:', '--no-initial', '--limit', '1'], { store });
  await kvctl(['watch', '--resume', 'token', '--limit', '1'], { store });
  deepEqual(
    store.watches.map(({ key, from, isInitial, resume }) => {
      return [key && Buffer.from(key).toString(), Buffer.from(from).toString(), isInitial, resume];
    }),
    [
      ['user:7', '', true, undefined],
      [undefined, 'user:', false, undefined],
      [undefined, '', true, 'token'],
    ],
  );
  const both = await kvctl(['watch', 'k', '--prefix', 'user:'], { store });
  equal(both.exit, 2);
  match(both.notes, /a key cannot be combined with --prefix/);
});

test('--save keeps the token once there is one, and the next watch continues from it', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kvctl-')), 'token');
  const store = storeOf();
  const words = ['watch', '--save', file, '--limit'];
  await kvctl([...words, '1'], { store });
  equal(existsSync(file), false, 'the present keys are not complete');
  await kvctl([...words, '2'], { store });
  equal(readFileSync(file, 'utf8'), 'token 3\n');
  await kvctl([...words, '1'], { store });
  deepEqual(
    store.watches.map(({ resume }) => resume),
    [undefined, undefined, 'token 3'],
  );
  writeFileSync(file, 'token 9\n');
  const other = await kvctl([...words, '1', '--resume', 'mine'], { store });
  equal(other.exit, 0);
  equal(store.watches.at(-1)?.resume, 'mine');
});

test('--save tells when the file cannot be written', async () => {
  const file = join(tmpdir(), 'no-such-folder-here', 'token');
  const { exit, notes } = await kvctl(['watch', '--save', file], { store: storeOf() });
  equal(exit, 2);
  match(notes, /cannot be used/);
});

test('a file that holds no token of this watch is named, with the remedy', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kvctl-')), 'token');
  writeFileSync(file, 'damaged\n');
  const store = storeOf();
  const message = 'it is no token of a watch';
  const failure = new KvError({ code: 'bad-token', outcome: 'notApplied', message });
  store.watchFailure = failure;
  const { exit, notes } = await kvctl(['watch', '--save', file], { store });
  equal(exit, 5);
  match(notes, /^error bad-token: the file ".*token" cannot be continued from: it is no token/m);
  match(notes, /hint: watch the keys that it was saved for; or delete it/);
  const given = await kvctl(['watch', '--resume', 'damaged', '--save', file], { store });
  match(given.notes, /^error bad-token: it is no token of a watch/m);
});

test('that several shards have forgotten changes is said once', async () => {
  const store = storeOf();
  const forgotten = { type: 'compacted', differences: true } as const;
  const synced = { type: 'synced' } as const;
  store.changes = [synced, forgotten, forgotten, forgotten, synced, forgotten, synced];
  const { notes } = await kvctl(['watch'], { store });
  equal(notes.match(/changes were forgotten/g)?.length, 2);
});
