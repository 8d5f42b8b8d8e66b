/** What the verbs for keys and values print, ask and end with. */

import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

const BINARY = Uint8Array.from([0, 1, 0xff, 0x0a, 0x1b]);

function storeWith(entries: Readonly<Record<string, unknown>>): MemoryStore {
  const store = new MemoryStore();
  for (const [key, value] of Object.entries(entries)) store.plant(key, value);
  return store;
}

test('get returns what set stored, byte for byte', async () => {
  const store = new MemoryStore();
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-'));
  writeFileSync(join(folder, 'file'), BINARY);
  const ways: readonly (readonly [words: string[], given: Uint8Array | string])[] = [
    [['set', 'k', 'hello wörld'], 'hello wörld'],
    [['set', 'k', ''], ''],
    [['set', 'k', '-'], BINARY],
    [['set', 'k', `@${join(folder, 'file')}`], BINARY],
    [['set', '6b', '0001ff0a1b', '--hex'], BINARY],
    [['set', 'aw==', 'AAH/Chs=', '--base64'], BINARY],
    [['set', 'k', '-', '--as', 'stored'], BINARY],
  ];
  for (const [words, given] of ways) {
    const put = await kvctl(words, { store, input: BINARY });
    assert.deepEqual([put.exit, put.notes], [0, ''], words.join(' '));
    const stored = words.includes('stored') ? ['--stored'] : [];
    const { exit, data } = await kvctl(['get', 'k', ...stored], { store });
    assert.equal(exit, 0);
    assert.deepEqual(data, Buffer.from(given), words.join(' '));
  }
});

test('stored data cannot control a terminal', async () => {
  const store = storeWith({ k: '\u001b[2J\u202eevil\n', bytes: BINARY });
  const { data } = await kvctl(['get', 'k'], { store, columns: 80 });
  assert.equal(data.toString(), '\\x1b[2J\\u{202e}evil\\n\n');
  const plain = { NO_COLOR: '1' };
  const scanned = await kvctl(['scan'], { store, columns: 80, environment: plain });
  assert.ok(!scanned.data.includes('\u001b') && scanned.data.includes('\\x1b[2J'));
});

test('get prints all fields for programs', async () => {
  const store = storeWith({ user: { name: 'Ada', photo: BINARY } });
  const { data } = await kvctl(['get', 'user', '-o', 'json'], { store });
  const entry = JSON.parse(data.toString());
  assert.deepEqual([entry.key, entry.version, entry.value.name], ['user', 101, 'Ada']);
  const bytes = await kvctl(['get', 'user', '--hex'], { store: storeWith({}) });
  assert.equal(bytes.exit, 2, 'the key is not hex');
});

test('a missing key is exit code 1, without data on standard output', async () => {
  const store = new MemoryStore();
  const { exit, data, notes } = await kvctl(['get', 'gone'], { store });
  assert.deepEqual([exit, data.length, notes], [1, 0, 'key not found: gone\n']);
  const deleted = await kvctl(['delete', 'gone'], { store });
  assert.deepEqual([deleted.exit, deleted.data.toString()], [1, '0\n']);
});

test('conditions that are false write nothing and exit with 1', async () => {
  const store = storeWith({ k: 'old' });
  const cases = [
    ['set', 'k', 'new', '--if-absent'],
    ['set', 'k', 'new', '--if-version', '7'],
    ['delete', 'k', '--if-version', '7'],
  ];
  for (const words of cases) assert.equal((await kvctl(words, { store })).exit, 1, words.join(' '));
  assert.equal((await kvctl(['get', 'k'], { store })).data.toString(), 'old');
  assert.equal((await kvctl(['set', 'k', 'new', '--if-version', '101'], { store })).exit, 0);
  assert.equal((await kvctl(['set', 'k2', 'new', '--if-absent'], { store })).exit, 0);
});

test('a time to live has a unit', async () => {
  const store = new MemoryStore();
  const times = {
    '1500ms': 1500,
    '30s': 30_000,
    '1.5m': 90_000,
    '2h': 7_200_000,
    '7d': 604_800_000,
  };
  for (const [text, milliseconds] of Object.entries(times)) {
    await kvctl(['set', 'k', 'v', '--ttl', text], { store });
    assert.equal(store.sets.at(-1)?.ttlMilliseconds, milliseconds);
  }
  for (const text of ['30', 's', '0s', '-1s', '1w', '0.0001ms']) {
    const { exit, notes } = await kvctl(['set', 'k', 'v', `--ttl=${text}`], { store });
    assert.equal(exit, 2, text);
    assert.match(notes, /--ttl is .*\n.*with its unit: 500ms, 5s/);
  }
  assert.equal(store.sets.length, Object.keys(times).length, 'what is not understood asks nothing');
});

test('scan prints every form of the same keys', async () => {
  const store = storeWith({ a: 'one', b: { two: 2 }, c: BINARY });
  const outputOf = async (...words: string[]) =>
    (await kvctl(['scan', ...words], { store })).data.toString();
  assert.equal(
    await outputOf(),
    'a\t101\tone\nb\t102\t{"two":2}\nc\t103\t\\x00\\x01\\xff\\x0a\\x1b\n',
  );
  assert.equal(await outputOf('--keys', '--reverse'), 'c\nb\na\n');
  assert.equal(await outputOf('--from', 'b', '--to', 'c', '-o', 'raw'), 'b\t{"two":2}\n');
  assert.equal(
    await outputOf('--prefix', 'a', '-o', 'ndjson'),
    '{"key":"a","value":"one","version":101}\n',
  );
  const { entries, cursor } = JSON.parse(await outputOf('-o', 'json', '--limit', '2'));
  assert.deepEqual([entries.length, cursor], [2, '2']);
  assert.equal(await outputOf('--cursor', cursor, '--keys'), 'c\n');
});

test('keys prints what scan does without values', async () => {
  const store = storeWith({ a: 1, 'b:1': 2, 'b:2': 3 });
  const outputOf = async (...words: string[]) =>
    (await kvctl(['keys', ...words], { store })).data.toString();
  assert.equal(await outputOf(), 'a\nb:1\nb:2\n');
  assert.equal(await outputOf('--prefix', 'b:', '--reverse'), 'b:2\nb:1\n');
  assert.equal(await outputOf('--limit', '1', '-o', 'ndjson'), '{"key":"a"}\n');
});

test('get and scan tell programs when a key expires, and get tells people', async () => {
  const store = storeWith({ session: 'x', user: 'y' });
  const expiresAt = Date.now() + 7_200_500;
  store.expire('session', expiresAt);
  const until = new Date(expiresAt).toISOString();
  const { data } = await kvctl(['get', 'session', '-o', 'json'], { store });
  assert.equal(JSON.parse(data.toString()).expiresAt, until);
  const scanned = await kvctl(['scan', '-o', 'ndjson'], { store });
  const entries = scanned.data.toString().trimEnd().split('\n');
  assert.deepEqual(
    entries.map((line) => JSON.parse(line).expiresAt),
    [until, undefined],
  );
  const shown = await kvctl(['get', 'session'], { store, columns: 80 });
  assert.equal(shown.data.toString(), 'x\n');
  assert.match(shown.notes, /^expires in (2h|1\.9h)\n$/);
  assert.equal((await kvctl(['get', 'user'], { store, columns: 80 })).notes, '');
  assert.equal((await kvctl(['get', 'session'], { store })).notes, '');
});

test('scan prints how to continue, on standard error', async () => {
  const { data, notes } = await kvctl(['scan', '--keys', '--limit', '1'], {
    store: storeWith({ a: 1, b: 2 }),
  });
  assert.deepEqual([data.toString(), notes], ['a\n', 'more keys: repeat with --cursor 1\n']);
});

test('on a terminal columns are aligned and lines fit', async () => {
  const store = storeWith({ a: 'x'.repeat(200), 'much longer': 1 });
  const { data } = await kvctl(['scan'], { store, columns: 40, environment: { NO_COLOR: '1' } });
  assert.equal(
    data.toString(),
    [
      'KEY          VERSION  VALUE',
      `a                101  ${'x'.repeat(17)}…`,
      'much longer      102  1',
      '',
    ].join('\n'),
  );
});

test('clear deletes a range, if it is told so twice', async () => {
  const store = storeWith({ 'a:1': 1, 'a:2': 2, b: 3 });
  const asked = await kvctl(['clear', '--prefix', 'a:'], { store });
  assert.equal(asked.exit, 2);
  assert.match(asked.notes, /deletes 2 keys for good.*--yes/s);
  for (const words of [[], ['--yes'], ['--prefix', 'a:', '--everything', '--yes']]) {
    assert.equal((await kvctl(['clear', ...words], { store })).exit, 2);
  }
  assert.equal(store.entries.size, 3);
  const done = await kvctl(['clear', '--prefix', 'a:', '--yes', '-o', 'json'], { store });
  assert.deepEqual([done.exit, done.data.toString()], [0, '{"deleted":2}\n']);
  assert.deepEqual(
    [...store.entries.values()].map(({ key }) => String(key)),
    ['b'],
  );
  const rest = await kvctl(['clear', '--everything', '--yes'], { store });
  assert.deepEqual([rest.exit, rest.data.toString()], [0, '1\n']);
  store.clear = () => Promise.reject(new Error('no quorum'));
  const failed = await kvctl(['clear', '--everything', '--yes'], { store });
  assert.notEqual(failed.exit, 0);
  assert.match(failed.notes, /run the command again for the rest/);
});

test('touch sets when a key expires, and says if it does not exist', async () => {
  const store = storeWith({ a: 1 });
  const touched = await kvctl(['touch', 'a', '30m'], { store });
  assert.deepEqual([touched.exit, touched.data.toString()], [0, '1\n']);
  assert.equal((await kvctl(['touch', 'a', 'never'], { store })).exit, 0);
  const absent = await kvctl(['touch', 'b', '5s', '-o', 'json'], { store });
  assert.deepEqual([absent.exit, absent.data.toString()], [1, '{"key":"b","isTouched":false}\n']);
  assert.match(absent.notes, /b does not exist/);
  assert.equal((await kvctl(['touch', 'a', '30'], { store })).exit, 2);
  assert.equal((await kvctl(['touch', 'a'], { store })).exit, 2);
  assert.deepEqual(store.touches, [1_800_000, null, 5000]);
});

test('count and add count', async () => {
  const store = storeWith({ 'user:1': 1, 'user:2': 2, other: 3 });
  assert.equal((await kvctl(['count', '--prefix', 'user:'], { store })).data.toString(), '2\n');
  assert.equal((await kvctl(['count', '-o', 'json'], { store })).data.toString(), '{"count":3}\n');
  assert.equal((await kvctl(['add', 'visits'], { store })).data.toString(), '1\n');
  assert.equal((await kvctl(['add', 'visits', '--', '-3'], { store })).data.toString(), '-2\n');
  assert.equal((await kvctl(['add', 'visits', 'much'], { store })).exit, 2);
  assert.equal((await kvctl(['add', 'visits', '--ttl', '1m'], { store })).exit, 0);
  assert.deepEqual(store.lives, [undefined, undefined, 60_000]);
});

test('the store is closed after success and failure', async () => {
  const store = storeWith({ k: 'v' });
  await kvctl(['get', 'k'], { store });
  assert.ok(store.isClosed);
});
