/** What kvctl says where the cluster refuses: which verb on what is missing, and what to do. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { AccessIdentity, RoleText } from '../../src/admin.ts';
import { KvError, type KvErrorCode } from '../../src/index.ts';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

const ORDERS: RoleText = {
  name: 'orders',
  grants: [{ from: 'orders/', to: 'orders0', verbs: ['read', 'write'] }],
  admin: ['observe'],
};
const MESSAGE = 'the roles of this user do not permit the request';

function refuse(code: KvErrorCode) {
  return () => Promise.reject(new KvError({ code, outcome: 'notApplied', message: MESSAGE }));
}

/** Refuses everything, and knows its user. */
function storeOf(self: Partial<AccessIdentity> = {}, code: KvErrorCode = 'forbidden'): MemoryStore {
  const store = new MemoryStore();
  const known = { isEnabled: true, isKnown: true, user: 'ann', token: '', isLogin: false };
  const who = { ...known, expiresAt: 0, roles: [ORDERS], ...self };
  const no = refuse(code);
  Object.assign(store, { get: no, set: no, delete: no, add: no, count: no, commit: no, lock: no });
  Object.assign(store, { setMembership: no, leases: no, tickets: no, clear: no });
  const access = { ...store.access, self: () => Promise.resolve(who), report: no, change: no };
  Object.assign(store, { access: { ...access, createToken: no, setPassword: no } });
  return store;
}

const CASES: readonly (readonly [words: readonly string[], lacks: string, grants: string])[] = [
  [['get', 'b/1'], 'read on "b/1"', 'read:b/1'],
  [['set', 'b/1', 'x'], 'write on "b/1"', 'write:b/1'],
  [['delete', 'b 1'], 'write on "b 1"', "'write:b 1'"],
  [['add', 'b/1'], 'write on "b/1"', 'write:b/1'],
  [['count', '--prefix', 'b/'], 'read on the keys that begin with "b/"', 'read:b/'],
  [['count'], 'read on all keys', 'read:'],
  [['count', '--from', 'b/1', '--to', 'b/3'], 'read on the keys from "b/1" to "b/3"', 'read:b/'],
  [['user', 'list'], 'the admin verb access', 'access'],
  [['token', 'create', 'bob'], 'the admin verb access', 'access'],
];

test('a refusal names the verb and the keys that are missing, and what grants them', async () => {
  for (const [words, lacks, grants] of CASES) {
    const { exit, data, notes } = await kvctl(words, { store: storeOf() });
    assert.deepEqual([exit, data.length], [4, 0], words.join(' '));
    const [first, hint] = notes.split('\n');
    assert.equal(first, `error forbidden: user ann lacks ${lacks}; its roles: orders`);
    const how = `kvctl role set NEW ${grants}, then kvctl user set ann orders NEW`;
    assert.equal(hint, `hint: nothing was done. An administrator grants it: ${how}`);
    assert.ok(!notes.includes(MESSAGE), 'the same is not said twice');
  }
});

test('what the user has is not named: of a checked write only what is missing', async () => {
  const roles = [{ ...ORDERS, grants: [{ from: 'b', to: 'c', verbs: ['write'] as const }] }];
  const { notes } = await kvctl(['set', 'b/1', 'x', '--if-version', '3'], {
    store: storeOf({ roles }),
  });
  assert.match(notes, /^error forbidden: user ann lacks read on "b\/1"; its roles/);
});

test('without a user it says how one becomes one', async () => {
  const store = storeOf({ isKnown: false, user: '' }, 'unauthenticated');
  const { exit, notes } = await kvctl(['get', 'a'], { store });
  assert.equal(exit, 4);
  assert.match(notes, /^error unauthenticated: the cluster answers users only, and this call/);
  assert.match(notes, /hint: kvctl login --user NAME, kvctl login < FILE, or --token-file FILE/);
});

test('for programs it is the same as JSON', async () => {
  const { notes } = await kvctl(['get', 'b/1', '-o', 'json'], { store: storeOf() });
  const { error } = JSON.parse(notes);
  assert.deepEqual([error.code, error.exit], ['forbidden', 4]);
  assert.match(error.message, /lacks read on "b\/1"/);
});

test('where who one is cannot be learnt, the failure is as the library tells it', async () => {
  const store = storeOf();
  Object.assign(store, { access: { ...store.access, self: refuse('unreachable') } });
  const { exit, notes } = await kvctl(['get', 'b/1'], { store });
  assert.equal(exit, 4);
  assert.match(notes, new RegExp(MESSAGE));
});
