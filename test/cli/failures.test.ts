/** How failures read, and with which code kvctl ends. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EXPLANATIONS } from '../../cli/explanations.ts';
import { KvError, type KvErrorCode, type Outcome } from '../../src/index.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

function storeFailing(code: KvErrorCode, outcome: Outcome): MemoryStore {
  const store = new MemoryStore();
  const attempts = [
    { endpoint: 'ws://10.0.0.1:7400', what: 'connect ECONNREFUSED' },
    { endpoint: 'ws://10.0.0.12:7400', what: 'no answer in 5000 ms' },
  ];
  const message = 'put "user:7": no node answered within 5 s';
  store.set = () => Promise.reject(new KvError({ code, outcome, message, attempts }));
  return store;
}

test('a failure says what failed, on what, why at each node, and what to do', async () => {
  const store = storeFailing('timeout', 'unknown');
  const { exit, data, notes } = await kvctl(['set', 'user:7', 'x'], { store });
  assert.deepEqual([exit, data.length], [7, 0]);
  assert.equal(
    notes,
    `error timeout: put "user:7": no node answered within 5 s
  ws://10.0.0.1:7400   connect ECONNREFUSED
  ws://10.0.0.12:7400  no answer in 5000 ms
effect: the outcome is unknown; the write is applied at most once
hint: it may have happened: read the keys before you ask again
more: kvctl explain timeout
`,
  );
});

test('the exit code tells whether it was applied, and why not', async () => {
  const cases: readonly (readonly [code: KvErrorCode, outcome: Outcome, exit: number])[] = [
    ['timeout', 'notApplied', 6],
    ['timeout', 'unknown', 7],
    ['closed', 'unknown', 7],
    ['unreachable', 'notApplied', 3],
    ['overloaded', 'notApplied', 5],
    ['value-too-large', 'notApplied', 5],
    ['invalid-argument', 'notApplied', 2],
  ];
  for (const [code, outcome, expected] of cases) {
    const { exit } = await kvctl(['set', 'k', 'v'], { store: storeFailing(code, outcome) });
    assert.equal(exit, expected, `${code} ${outcome}`);
  }
});

test('programs get the same as JSON', async () => {
  const store = storeFailing('overloaded', 'notApplied');
  const { notes } = await kvctl(['set', 'k', 'v', '-o', 'json'], { store });
  const { error } = JSON.parse(notes);
  assert.deepEqual([error.code, error.exit, error.reasons.length], ['overloaded', 5, 2]);
  assert.equal(error.effect, 'nothing was applied');
});

test('with --debug the stack trace is printed', async () => {
  const store = storeFailing('timeout', 'unknown');
  const quiet = await kvctl(['set', 'k', 'v'], { store });
  const loud = await kvctl(['set', 'k', 'v', '--debug'], { store });
  assert.ok(!quiet.notes.includes('    at ') && loud.notes.includes('    at '));
});

test('a usage error suggests the probable verb or option, and sends no request', async () => {
  const cases: readonly (readonly [words: string[], note: RegExp])[] = [
    [['gte', 'x'], /there is no verb "gte"\nhint: did you mean get\? `kvctl --help` lists/],
    [['write', 'k', 'v'], /there is no verb "write"\nhint: did you mean set\?/],
    [['sett', 'k', 'v'], /there is no verb "sett"\nhint: did you mean set\?/],
    [['frobnicate'], /there is no verb "frobnicate"\nhint: `kvctl --help` lists the verbs/],
    [['help', 'gte'], /there is no verb "gte"\nhint: did you mean get\?/],
    [['--nope', 'set', 'k', 'v'], /unknown option '--nope'\nhint: see `kvctl set --help`/],
    [['get'], /missing required argument 'key'\nhint: see `kvctl get --help`/],
    [['get', 'a', 'b'], /too many arguments/],
    [['set', 'a', 'b', '--tll', '5s'], /unknown option '--tll'\nhint: did you mean --ttl\?/],
    [['status', '-o', 'yaml'], /'yaml' is invalid. Allowed choices are table, json/],
    [['scan', '--limit', '0'], /--limit is "0"\nhint: --limit takes a whole number of at least 1/],
    [['scan', '--prefix', 'a', '--to', 'b'], /--prefix cannot be combined with --from or --to/],
    [['set', 'a', '{', '--as', 'json'], /the value is not JSON/],
    [['set', 'a', '{"$time":"x"}', '--as', 'json'], /is not a time\nhint: write it as {"\$time"/],
    [['set', 'a', '[{"$integer":"x"}]', '--as', 'json'], /is not a 64-bit integer/],
    [['set', 'a', '{"$bytes":"%"}', '--as', 'json'], /"\$bytes":"%"} is not bytes in base64/],
    [['set', 'a', '{"$number":"1e"}', '--as', 'json'], /is not a number/],
    [
      ['set', 'a', '['.repeat(99_999) + ']'.repeat(99_999), '--as', 'json'],
      /nested deeper than 64/,
    ],
    [['set', 'a', '@/not/there'], /"\/not\/there" cannot be read: ENOENT/],
    [['get', 'abc', '--hex'], /"abc" is not valid hex\nhint: write two hex digits per byte/],
    [['get', 'a', '--hex', '--base64'], /--hex and --base64 are mutually exclusive/],
    [['explain', 'timeot'], /unknown code "timeot"\nhint: did you mean timeout\?/],
  ];
  for (const [words, note] of cases) {
    const { exit, data, notes } = await kvctl(words, { store: new MemoryStore() });
    assert.deepEqual([exit, data.length], [2, 0], words.join(' '));
    assert.match(notes, /^error usage: /);
    assert.match(notes, note);
  }
});

test('every code of a failure is explained', async () => {
  const { data } = await kvctl(['explain']);
  assert.deepEqual(data.toString().trim().split('\n'), Object.keys(EXPLANATIONS).sort());
  for (const [code, text] of Object.entries(EXPLANATIONS)) {
    const explained = await kvctl(['explain', code]);
    assert.deepEqual([explained.exit, explained.data.toString()], [0, `${code}\n\n${text}\n`]);
    for (const line of text.split('\n')) assert.ok(line.length <= 100, `${code}: ${line}`);
  }
});

test('a flag overrides the environment, and that the default', async () => {
  const store = new MemoryStore();
  store.plant('k', 'v');
  const environment = { RINGKV_OUTPUT: 'json' };
  assert.match((await kvctl(['get', 'k'], { store, environment })).data.toString(), /^{"key"/);
  const { data } = await kvctl(['get', 'k', '-o', 'raw'], { store, environment });
  assert.equal(data.toString(), 'v');
});

test('an option may stand before its verb', async () => {
  const store = new MemoryStore();
  store.plant('k', 'v');
  const { data } = await kvctl(['-o', 'json', '--timeout', '1s', 'get', 'k'], { store });
  assert.match(data.toString(), /^{"key":"k"/);
  const { exit, notes } = await kvctl(['--config', '/not/there', 'start', '--node', 'n'], {
    store,
  });
  assert.equal(exit, 2);
  assert.match(notes, /the config file cannot be read/);
});

test('an environment value that no verb knows is refused unless a flag overrides it', async () => {
  const store = new MemoryStore();
  store.plant('k', 'v');
  const environment = { RINGKV_OUTPUT: 'xml' };
  const { exit, notes } = await kvctl(['get', 'k'], { store, environment });
  assert.equal(exit, 2);
  assert.match(notes, /RINGKV_OUTPUT is "xml"; allowed are table, json, ndjson, raw/);
  const flag = await kvctl(['get', 'k', '-o', 'raw'], { store, environment });
  assert.equal(flag.data.toString(), 'v');
  const elsewhere = { RINGKV_OUTPUT: 'ndjson' };
  assert.equal((await kvctl(['get', 'k'], { store, environment: elsewhere })).exit, 0);
});

test('quoted input in a failure cannot control the terminal', async () => {
  const store = new MemoryStore();
  const attempts = [{ endpoint: 'ws://a\u001b[2J\nb:1', what: 'gone\u009b31m\r' }];
  const message = 'no\u001b]0;title\u0007 way';
  store.set = () =>
    Promise.reject(new KvError({ code: 'timeout', outcome: 'notApplied', message, attempts }));
  const { notes } = await kvctl(['set', 'k', 'v'], { store, columns: 80 });
  // Bold, dim, red, cyan and back are kvctl's own.
  const plain = notes
    .replaceAll('\n', '')
    .split(/\p{Cc}\[(?:0|1|2|31|36)m/u)
    .join('');
  assert.doesNotMatch(plain, /\p{Cc}/u);
  assert.match(notes, /no\\u001b\]0;title\\u0007 way/);
  assert.match(notes, / {2}ws:\/\/a\\x1b\[2J\\nb:1 {2}gone\\u\{9b\}31m\\r\n/);
});
