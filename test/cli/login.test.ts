/** `kvctl login`, `logout` and `user password`: where secrets come from, and where they stay. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import type { AccessCalls } from '../../cli/store.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

const HOME = mkdtempSync(join(tmpdir(), 'kvctl-login-'));
const STORED = join(HOME, 'ringkv', 'tokens.json');
const URL_OF = 'kv://10.0.0.1:7400';
const PASSWORD = 'correct horse';

process.env.XDG_CONFIG_HOME = HOME;
after(() => rmSync(HOME, { recursive: true, force: true }));
beforeEach(() => rmSync(join(HOME, 'ringkv'), { recursive: true, force: true }));

/** What was asked of the cluster. */
class Asked {
  readonly store = new MemoryStore();
  readonly calls: unknown[] = [];

  constructor(more: Partial<AccessCalls> = {}) {
    this.store.urls = [URL_OF];
    const { access } = this.store;
    const note = <Words extends readonly unknown[], T>(
      name: string,
      call: (...words: Words) => T,
    ) => {
      return (...words: Words) => {
        this.calls.push([name, ...words]);
        return call(...words);
      };
    };
    const { login, logout, setPassword } = { ...access, ...more };
    const noted = { login: note('login', login), logout: note('logout', logout) };
    const all = { ...access, ...more, ...noted, setPassword: note('setPassword', setPassword) };
    Object.assign(this.store, { access: all });
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function fileWith(text: string, mode = 0o600): string {
  const path = join(HOME, 'password');
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

test('a password from standard input or a file is exchanged, and the token is stored', async () => {
  for (const isFile of [false, true]) {
    const { store, calls } = new Asked();
    const words = isFile ? ['--password-file', fileWith(`${PASSWORD}\n`)] : [];
    const input = bytesOf(`${PASSWORD}\nmore\n`);
    const { exit, data, notes } = await kvctl(['login', '--user', 'billing', ...words], {
      store,
      input,
    });
    assert.deepEqual([exit, data.toString()], [0, 'billing\n'], notes);
    assert.deepEqual(calls, [
      ['login', { user: 'billing', password: PASSWORD, isInsecure: false }],
    ]);
    const stored = JSON.parse(readFileSync(STORED, 'utf8'));
    assert.match(stored[URL_OF], /^1f6a0c55d20b9e37\.5{64}$/);
    assert.equal(statSync(STORED).mode & 0o777, 0o600);
    assert.ok(!(data.toString() + notes).includes(PASSWORD));
    assert.ok(!notes.includes('5'.repeat(64)));
  }
});

test('its options are passed on, and mean nothing without a user', async () => {
  const { store, calls } = new Asked();
  const input = bytesOf(PASSWORD);
  const options = ['--ttl', '1h', '--scope', 'a,b', '--insecure'];
  assert.equal((await kvctl(['login', '--user', 'ann', ...options], { store, input })).exit, 0);
  const about = { ttl: 3_600_000, scope: ['a', 'b'], isInsecure: true };
  assert.deepEqual(calls, [['login', { user: 'ann', password: PASSWORD, ...about }]]);
  for (const option of [['--ttl', '1h'], ['--insecure'], ['--scope', 'a']]) {
    const { exit, notes } = await kvctl(['login', ...option], { store, input });
    assert.equal(exit, 2, notes);
  }
});

test('a password file that others can read is refused, and an empty password too', async () => {
  const { store, calls } = new Asked();
  const open = fileWith(PASSWORD, 0o644);
  const words = ['login', '--user', 'ann'];
  const first = await kvctl([...words, '--password-file', open], { store });
  assert.equal(first.exit, 2);
  assert.match(first.notes, /other users of this machine can read or write the password/);
  const second = await kvctl(words, { store, input: bytesOf('\n') });
  assert.match(second.notes, /the password is empty/);
  assert.deepEqual(calls, []);
});

test('no option takes a password, so none is in the list of processes', async () => {
  const { store } = new Asked();
  for (const words of [
    ['login', '--user', 'a', '--password', 'x'],
    ['user', 'password', 'a', 'x'],
  ]) {
    assert.equal(
      (await kvctl(words, { store, input: bytesOf(PASSWORD) })).exit,
      2,
      words.join(' '),
    );
  }
});

test('logout forgets the token, and revokes it if a password was exchanged for it', async () => {
  for (const isLogin of [true, false]) {
    const { store, calls } = new Asked({
      selfBy: () => {
        const about = { isEnabled: true, isKnown: true, user: 'ann', token: '', expiresAt: 0 };
        return Promise.resolve({ ...about, isLogin, roles: [] });
      },
    });
    await kvctl(['login', '--user', 'ann'], { store, input: bytesOf(PASSWORD) });
    const { exit, notes } = await kvctl(['logout'], { store });
    assert.equal(exit, 0, notes);
    assert.equal(calls.length, isLogin ? 2 : 1);
    assert.match(notes, isLogin ? /removed from .*, and revoked/ : /and not revoked/);
    assert.deepEqual(JSON.parse(readFileSync(STORED, 'utf8')), {});
    assert.match((await kvctl(['logout'], { store })).notes, /no token is stored/);
  }
});

test('logout forgets the token also where no node can be reached', async () => {
  const { store } = new Asked();
  await kvctl(['login', '--user', 'ann'], { store, input: bytesOf(PASSWORD) });
  Object.assign(store, {
    access: { ...store.access, selfBy: () => Promise.reject(new Error('no node')) },
  });
  const { exit, notes } = await kvctl(['logout'], { store });
  assert.notEqual(exit, 0);
  assert.match(notes, /was removed from .*, and not revoked/);
  assert.ok(existsSync(STORED) && readFileSync(STORED, 'utf8').trim() === '{}');
});

test('a password is set or removed, and says what becomes of earlier tokens', async () => {
  const { store, calls } = new Asked();
  const input = bytesOf(`${PASSWORD}\r\n`);
  const set = await kvctl(['user', 'password', 'ann'], { store, input });
  assert.deepEqual([set.exit, set.data.toString()], [0, 'ann\n']);
  assert.match(set.notes, /stay valid until they end; --revoke-tokens ends them/);
  await kvctl(['user', 'password', 'ann', '--remove', '--revoke-tokens'], { store });
  assert.deepEqual(calls, [
    ['setPassword', { user: 'ann', password: PASSWORD, endsLogins: false }],
    ['setPassword', { user: 'ann', password: undefined, endsLogins: true }],
  ]);
  const listed = await kvctl(['user', 'list'], { store });
  assert.match(listed.data.toString(), /billing\s+orders\s+1\s+yes/);
});
