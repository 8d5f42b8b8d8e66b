/** Several commands in one: how they are written, what they come to, and what is told of it. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { KvError } from '../../src/index.ts';
import { type Called, kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

const BINARY = Uint8Array.from([0, 1, 0xff, 0x0a, 0x1b]);

function storeWith(entries: Readonly<Record<string, unknown>>): MemoryStore {
  const store = new MemoryStore();
  for (const [key, value] of Object.entries(entries)) store.plant(key, value);
  return store;
}

function txn(store: MemoryStore, ...words: readonly string[]): Promise<Called> {
  return kvctl(['txn', ...words], { store });
}

async function shown(store: MemoryStore, key: string): Promise<string> {
  return (await kvctl(['get', key], { store })).data.toString();
}

test('commands take effect together, each with its version', async () => {
  const store = storeWith({ 'user:7': 'old', old: 1, low: 5, high: 5 });
  const { exit, data, notes } = await txn(
    store,
    'check user:7 101',
    'check free absent',
    'put user:7 {"name": "Ada"} --as json',
    'put lease x --ttl 30s',
    'add visits 1',
    'add stock -3',
    'min low 3',
    'max high 9',
    'append list more',
    'del old',
  );
  assert.deepEqual([exit, notes], [0, '']);
  const told = 'user:7 lease visits stock low high list'.split(' ');
  assert.equal(
    data.toString(),
    ['committed', ...told.map((key) => `${key}\t105`), 'old\tdeleted', ''].join('\n'),
  );
  const values = ['user:7', 'visits', 'stock', 'low', 'high'].map((key) => shown(store, key));
  assert.deepEqual(await Promise.all(values), ['{"name":"Ada"}', '1', '-3', '3', '9']);
  assert.equal((await kvctl(['get', 'list', '--stored'], { store })).data.toString(), 'more');
  assert.equal((await kvctl(['get', 'old'], { store })).exit, 1);
  const [steps] = store.commits;
  const lease = steps?.find((step) => step.type === 'set' && step.ttlMilliseconds !== undefined);
  assert.equal(lease?.type === 'set' && lease.ttlMilliseconds, 30_000);
});

test('keys and versions are printed in every format', async () => {
  const store = storeWith({ old: 1 });
  const json = await txn(store, 'put a 1', 'put 00ff x --hex', 'del old', '-o', 'json');
  assert.equal(json.exit, 2, 'x is not hex');
  const steps = ['put a 1', 'put 00ff 01 --hex', 'del old'];
  const { data } = await txn(store, ...steps, '-o', 'json');
  assert.deepEqual(JSON.parse(data.toString()), {
    committed: true,
    versions: [
      { key: 'a', version: 102 },
      { key: { $bytes: 'AP8=' }, version: 102 },
      { key: 'old', version: 0 },
    ],
  });
  assert.equal((await txn(store, 'put a 1', '-o', 'raw')).data.toString(), '103\n');
  const hex = await txn(store, 'put 6161 6162', 'put YQ== YWI= --base64', '--hex');
  assert.equal(hex.data.toString(), 'committed\n6161\t104\n61\t104\n');
  assert.equal(await shown(store, 'aa'), 'ab');
});

test('a check that fails writes nothing, and prints the actual version', async () => {
  const store = storeWith({ 'user:7': 'old' });
  const cases: readonly (readonly [check: string, said: string, version: number])[] = [
    ['user:7 42', 'user:7 has version 101; expected version 42', 101],
    ['user:7 absent', 'user:7 has version 101; expected no such key', 101],
    ['gone 42', 'gone does not exist; expected version 42', 0],
  ];
  for (const [check, said, version] of cases) {
    const { exit, data, notes } = await txn(store, 'add visits 1', `check ${check}`);
    assert.deepEqual([exit, data.length, notes], [1, 0, `nothing was written: ${said}\n`]);
    const json = await txn(store, 'add visits 1', `check ${check}`, '-o', 'json');
    const [key] = check.split(' ');
    assert.deepEqual(JSON.parse(json.data.toString()), { committed: false, key, version });
    assert.equal(json.exit, 1);
  }
  assert.equal(store.entries.size, 1);
});

test('standard input is a command a line, with comments and empty lines', async () => {
  const input = Buffer.from('\ufeff# two things\n\nput a 1\r\n  # one more\n\tput "b c" \'x y\'\n');
  for (const words of [['txn'], ['txn', '-']]) {
    const store = new MemoryStore();
    const { exit, notes } = await kvctl(words, { store, input });
    assert.deepEqual([exit, notes], [0, '']);
    assert.deepEqual([await shown(store, 'a'), await shown(store, 'b c')], ['1', 'x y']);
  }
});

test('values come from files, and one of them from standard input', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-txn-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, BINARY);
  const store = new MemoryStore();
  const steps = [`put a @${path}`, 'put b -', `append c @${path}`];
  assert.equal((await kvctl(['txn', ...steps], { store, input: Buffer.from('in') })).exit, 0);
  for (const [key, bytes] of [['a', BINARY] as const, ['b', Buffer.from('in')] as const]) {
    const { data } = await kvctl(['get', key], { store });
    assert.deepEqual(data, Buffer.from(bytes));
  }
  const stored = await kvctl(['get', 'c', '--stored'], { store });
  assert.deepEqual(stored.data, Buffer.from(BINARY));
});

test('an invalid command is reported with its place, and nothing is sent', async () => {
  const store = storeWith({ a: 1 });
  const cases: readonly (readonly [steps: string[], note: RegExp])[] = [
    [['pt a 1'], /argument 1: there is no command "pt"\nhint: did you mean put\? a line begins/],
    [
      ['set a 1', 'frobnicate'],
      /argument 2: .*\nhint: a line begins with set, delete, .* or check/,
    ],
    [['put a'], /argument 1: put lacks its VALUE\nhint: write set KEY VALUE/],
    [['set a'], /argument 1: set lacks its VALUE\nhint: write set KEY VALUE \[--ttl TIME\]/],
    [['set a b c'], /set has too many arguments\nhint: write set KEY VALUE/],
    [['delete ""'], /the key is empty/],
    [
      ['set a 1 --tll 5s'],
      /set has no option --tll\nhint: it may have --ttl, --as, --hex, --base64/,
    ],
    [['set a 1 --ttl 5'], /--ttl is "5"\nhint: --ttl takes a time with its unit/],
    [['set a 1 --ttl'], /--ttl lacks its TIME/],
    [['delete a --ttl 5s'], /delete has no option --ttl\nhint: it may have --hex/],
    [['set a 1 --as yaml'], /--as is "yaml"\nhint: a value is one of text, json, bytes, stored/],
    [['set a {x} --as json'], /argument 1: the value is not JSON/],
    [['add a much'], /"much" is not a 64-bit integer/],
    [['add a 9223372036854775808'], /is not a 64-bit integer/],
    [['check a present'], /"present" is not a version\nhint: use the number .* or absent/],
    [['check a -1'], /"-1" is not a version/],
    [['set a x --hex'], /"a" is not valid hex/],
    [['set aa aa --hex --base64'], /--hex and --base64 are mutually exclusive/],
    [["put a 'b"], /argument 1: unclosed quote '/],
    [['set a @/not/there'], /"\/not\/there" cannot be read/],
    [['set a 1', 'delete a'], /argument 2: a is already written by argument 1/],
    [['set a -', 'set b -'], /argument 2: standard input can supply only one value/],
    [['check a 1'], /the transaction has only checks/],
    [['set', 'a', '1'], /set has no operands.*\nhint: put quotes .*: kvctl txn 'set a 1'/],
    [
      ['-', 'set a 1'],
      /- reads all commands from standard input and cannot be combined with others/,
    ],
    [['list', 'all'], /txn list takes no arguments/],
    [['resolve'], /the transaction ID is missing/],
    [['resolve', 'a', 'b'], /txn resolve takes one transaction ID/],
  ];
  for (const [steps, note] of cases) {
    const { exit, data, notes } = await txn(store, ...steps);
    assert.deepEqual([exit, data.length], [2, 0], steps.join(' '));
    assert.match(notes, /^error usage: /);
    assert.match(notes, note);
  }
  const lines: readonly (readonly [text: string | Uint8Array, note: RegExp])[] = [
    ['put a 1\n\n# x\nadd b\n', /line 4: add lacks its N/],
    ['put a -\n', /line 1: standard input supplies the commands/],
    ['', /the transaction has no commands/],
    ['# nothing\n', /the transaction has no commands/],
    [BINARY, /is not valid UTF-8/],
  ];
  for (const [text, note] of lines) {
    const { exit, notes } = await kvctl(['txn'], { store, input: Buffer.from(text) });
    assert.equal(exit, 2);
    assert.match(notes, note);
  }
  assert.equal(store.commits.length, 0);
});

test('after two dashes nothing is an option, and numbers may be negative', async () => {
  const store = new MemoryStore();
  await txn(store, 'put -- --ttl --as', 'put -5 -6', 'add n -7');
  const keys = [...store.entries.values()].map(({ key }) => Buffer.from(key).toString());
  assert.deepEqual(keys, ['--ttl', '-5', 'n']);
});

test('a failure has its code, and says whether it took effect', async () => {
  const store = new MemoryStore();
  const attempts = [{ endpoint: 'shard 3', what: 'gave way to an older one' }];
  const message = 'others were in the way';
  const failure = new KvError({ code: 'contended', outcome: 'notApplied', message, attempts });
  store.commit = () => Promise.reject(failure);
  const { exit, notes } = await txn(store, 'put a 1');
  assert.equal(exit, 5);
  assert.match(notes, /^error contended: others were in the way\n {2}shard 3 {2}gave way/);
  assert.match(notes, /\neffect: nothing was applied\n.*\nmore: kvctl explain contended\n$/);
});

/** At a terminal. */
function written(store: MemoryStore, ...lines: readonly string[]): Promise<Called> {
  return kvctl(['txn'], { store, lines: lines.map((line) => `${line}\n`) });
}

test('at a terminal commands are prompted for, and a mistake loses nothing', async () => {
  const store = new MemoryStore();
  const { exit, data, notes } = await written(
    store,
    'put a 1',
    'pt b 2',
    'put a 2',
    '# a comment',
    'put c 3',
    'undo',
    'put b {"x": [1, 2]} --as json',
    'show',
    'commit',
  );
  assert.equal(exit, 0);
  assert.equal(data.toString(), 'committed\na\t101\nb\t101\n');
  assert.match(notes, /^txn: enter the commands of one atomic transaction/);
  assert.match(notes, /txn> /);
  assert.match(notes, /command 2: there is no command "pt"\nhint: did you mean put\?/);
  assert.match(notes, /command 2: a is already written by command 1/);
  assert.match(notes, / {2}1 {2}put a 1\n {2}2 {2}put b {"x": \[1, 2\]} --as json\n/);
});

test('an empty line commits, and leaving the prompt sends nothing', async () => {
  const store = new MemoryStore();
  assert.equal((await written(store, 'put a 1', '')).exit, 0);
  assert.equal(store.commits.length, 1);
  for (const lines of [['put a 1', 'abort'], ['put a 1'], []]) {
    const { exit, notes } = await written(store, ...lines);
    assert.deepEqual([exit, /nothing was sent\n$/.test(notes)], [0, true]);
  }
  const keys = ['put a 1\n', 'put b \u0003', 'commit\n'];
  const { exit, notes } = await kvctl(['txn'], { store, lines: keys, columns: 80 });
  assert.deepEqual([exit, /nothing was sent\n$/.test(notes)], [0, true], 'Ctrl-C leaves');
  assert.equal(store.commits.length, 1);
});

test('the prompt has help, and nothing to undo, show or send at first', async () => {
  const { notes } = await written(new MemoryStore(), 'undo', 'show', 'commit', 'help');
  assert.equal(notes.match(/nothing is gathered/g)?.length, 2);
  assert.match(notes, /the transaction has no commands/);
  assert.match(notes, /check KEY VERSION\|absent/);
});

test('after an outcome without effect the commands can be corrected and sent again', async () => {
  const store = storeWith({ seat: 'Bob' });
  const lines = ['put seat Ada', 'check seat absent', '', 'undo', 'check seat 101', 'commit'];
  const { exit, notes } = await written(store, ...lines);
  assert.equal(exit, 0);
  assert.match(notes, /nothing was written: seat has version 101; expected no such key/);
  assert.equal(await shown(store, 'seat'), 'Ada');
  assert.equal((await written(store, 'put seat Eve', 'check seat 1', '', 'pt')).exit, 1);
  const message = 'no answer';
  store.commit = () =>
    Promise.reject(new KvError({ code: 'timeout', outcome: 'unknown', message }));
  const unknown = await written(store, 'add n 1', 'commit', 'commit');
  assert.equal(unknown.exit, 7, 'it could happen twice');
});
