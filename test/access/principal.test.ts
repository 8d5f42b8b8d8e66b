/** Roles and ranges: denied unless granted, exactly at the edges, for every verb apart. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, hasRoot, hidden, NO_ACCESS } from '../../src/access/access-table.ts';
import { contains, containsKey, type Interval, merged } from '../../src/access/intervals.ts';
import {
  isLogin,
  isSamePrincipal,
  type Need,
  permits,
  principalBy,
  principalNamed,
  principalOf,
} from '../../src/access/principal.ts';
import { ADMIN_VERBS, BUILT_IN_ROLES, KEY_VERBS, type KeyVerb } from '../../src/access/role.ts';
import { credentialOf, hexOf, tokenBytes, tokenIdOf, tokenText } from '../../src/access/token.ts';
import { Random } from '../../src/base/random.ts';

const bytes = (...numbers: readonly number[]) => Uint8Array.from(numbers);
const spanOf = (from: readonly number[], to: readonly number[]): Interval => {
  return { from: bytes(...from), to: bytes(...to) };
};
const SECRET = new Uint8Array(40).fill(7);
const { token: ID, digest: DIGEST } = credentialOf(SECRET);

function tableOf(grants: readonly (Interval & { readonly verbs: readonly KeyVerb[] })[]) {
  const role = { name: 'one', grants, admin: [] };
  const token = { id: ID, digest: DIGEST, user: 'ann', scope: [], expiresAt: 0, note: '' };
  const users = [{ name: 'ann', roles: ['one'] }];
  return { ...NO_ACCESS, version: 1, isEnabled: true, roles: [role], users, tokens: [token] };
}

function may(table: AccessTable, need: Need, wall = 0): boolean {
  const principal = principalOf(table, ID, wall);
  return principal !== undefined && permits(principal, need);
}

test('a key lies in a range from its first byte to before its end', () => {
  const table = tableOf([{ ...spanOf([5], [7]), verbs: ['read'] }]);
  const keys: [number[], boolean][] = [
    [[4, 255], false],
    [[5], true],
    [[5, 0], true],
    [[6, 255, 255], true],
    [[7], false],
  ];
  for (const [key, isIn] of keys) {
    equal(may(table, { type: 'key', verbs: ['read'], key: bytes(...key) }), isIn, `${key}`);
    for (const verb of ['write', 'watch', 'lock'] as const) {
      equal(may(table, { type: 'key', verbs: [verb], key: bytes(...key) }), false, verb);
    }
  }
});

test('a range is permitted only if it lies wholly inside, also over grants that touch', () => {
  const verbs = ['read'] as const;
  const table = tableOf([
    { ...spanOf([5], [7]), verbs },
    { ...spanOf([7], [9]), verbs },
    { ...spanOf([20], []), verbs },
  ]);
  const ranges: [number[], number[], boolean][] = [
    [[5], [9], true],
    [[6], [8], true],
    [[4], [6], false],
    [[5], [9, 0], false],
    [[5], [], false],
    [[8], [21], false],
    [[20], [], true],
    [[21], [30], true],
    [[9], [9], true],
    [[], [], false],
  ];
  for (const [from, to, isIn] of ranges) {
    const need = { type: 'range', verbs, ...spanOf(from, to) } as const;
    equal(may(table, need), isIn, `${from} to ${to}`);
  }
});

test('merged ranges contain the same keys as the ranges they are made of', () => {
  const random = new Random(5);
  for (let round = 0; round < 2000; round++) {
    const spans = Array.from({ length: random.between(1, 5) }, () => {
      return spanOf([random.below(12)], random.chance(0.1) ? [] : [random.below(12)]);
    });
    const all = merged(spans);
    const plain = (key: number) =>
      spans.some(
        ({ from, to }) => (from[0] ?? 0) <= key && (to.length === 0 || key < (to[0] ?? 0)),
      );
    for (let key = 0; key < 14; key++) equal(containsKey(all, bytes(key)), plain(key));
    const [low, high] = [random.below(12), random.below(14)];
    const keys = Array.from({ length: Math.max(0, high - low) }, (_, at) => low + at);
    equal(contains(all, spanOf([low], [high])), keys.every(plain), `${low} ${high}`);
    for (const [at, { to }] of all.slice(0, -1).entries()) {
      equal((to[0] ?? 0) < (all[at + 1]?.from[0] ?? 0), true, 'none touches the next one');
    }
  }
});

test('the built-in roles', () => {
  const can = BUILT_IN_ROLES.map(({ name, grants, admin }) => {
    const verbs = KEY_VERBS.filter((verb) => grants.some((one) => one.verbs.includes(verb)));
    return [name, verbs, admin];
  });
  deepEqual(can, [
    ['root', KEY_VERBS, ADMIN_VERBS],
    ['operator', [], ['observe', 'nodes', 'transactions']],
    ['reader', ['read', 'watch'], []],
    ['writer', KEY_VERBS, []],
  ]);
});

test('a token is its secret, until its time, as long as its user is there', () => {
  const table = tableOf([]);
  const credential = { token: ID, digest: DIGEST };
  equal(principalBy(table, credential, 0)?.user, 'ann');
  for (let at = 0; at < DIGEST.length; at++) {
    const digest = DIGEST.slice();
    digest[at] = (digest[at] ?? 0) ^ 1;
    equal(principalBy(table, { token: ID, digest }, 0), undefined, `byte ${at}`);
  }
  equal(principalBy(table, { token: ID, digest: bytes() }, 0), undefined);
  equal(principalBy(table, { token: bytes(1), digest: DIGEST }, 0), undefined);
  const ending = { ...table, tokens: table.tokens.map((one) => ({ ...one, expiresAt: 100 })) };
  equal(principalOf(ending, ID, 99)?.user, 'ann');
  equal(principalOf(ending, ID, 100), undefined);
  equal(principalOf({ ...table, users: [] }, ID, 0), undefined);
  equal(principalOf(hidden(table), ID, 0), undefined, 'a copy for clients permits nothing');
});

test('a role that is gone grants nothing, and another right makes another principal', () => {
  const table = tableOf([{ ...spanOf([], []), verbs: ['read'] }]);
  const before = principalOf(table, ID, 0);
  equal(isSamePrincipal(before, principalOf({ ...table, version: 9 }, ID, 0)), true);
  const less = principalOf({ ...table, roles: [] }, ID, 0);
  equal(less && permits(less, { type: 'key', verbs: ['read'], key: bytes(1) }), false);
  equal(isSamePrincipal(before, less), false);
  equal(isSamePrincipal(before, undefined), false);
});

test('a root is a user whose token has no end and all of the role', () => {
  const users = [{ name: 'ann', roles: ['root', 'reader'] }];
  const table = { ...tableOf([]), users };
  equal(hasRoot(table), true);
  const changed = (change: object) => {
    return { ...table, tokens: table.tokens.map((one) => ({ ...one, ...change })) };
  };
  equal(hasRoot(changed({ expiresAt: 5 })), false);
  equal(hasRoot(changed({ scope: ['reader'] })), false);
  equal(hasRoot({ ...table, tokens: [] }), false);
  const terms = { salt: bytes(1), cost: { logN: 15, r: 8, p: 3 } };
  const passwords = [{ user: 'ann', ...terms, verifier: bytes(1) }];
  const logins = table.tokens.map((one) => ({ ...one, expiresAt: 5 }));
  equal(hasRoot({ ...table, tokens: [], passwords, logins }), false, 'who fails locks it out');
});

test('a certificate stands for its user with all roles, until its end', () => {
  const table = tableOf([{ ...spanOf([5], [7]), verbs: ['read'] }]);
  const ann = principalNamed(table, { user: 'ann', expiresAt: 100 }, 99);
  const need = { type: 'key', verbs: ['read'], key: bytes(5) } as const;
  equal(ann && permits(ann, need), true);
  deepEqual([ann?.user, ann?.roles, ann?.token.length], ['ann', ['one'], 0]);
  equal(principalNamed(table, { user: 'ann', expiresAt: 100 }, 100), undefined);
  equal(principalNamed(table, { user: 'ann', expiresAt: 0 }, 1e15)?.user, 'ann');
  equal(principalNamed(table, { user: 'nemo', expiresAt: 0 }, 0), undefined);
  equal(principalNamed(hidden(table), { user: 'ann', expiresAt: 0 }, 0), undefined);
  equal(isSamePrincipal(ann, principalOf(table, ID, 0)), false, 'another proof of the same user');
});

test('a login stands for its user as a token of an administrator does', () => {
  const { tokens, ...table } = tableOf([]);
  const logins = tokens.map((one) => ({ ...one, expiresAt: 100 }));
  const exchanged = { ...table, tokens: [], logins };
  equal(principalBy(exchanged, { token: ID, digest: DIGEST }, 99)?.user, 'ann');
  equal(principalBy(exchanged, { token: ID, digest: bytes() }, 99), undefined);
  equal(principalOf(exchanged, ID, 100), undefined);
  equal(isLogin(exchanged, ID), true);
  equal(isLogin({ ...exchanged, tokens, logins: [] }, ID), false);
});

test('a principal may end its own token; any other is for administrators', () => {
  const ann = principalOf(tableOf([]), ID, 0);
  const endOf = (id: Uint8Array) => ({ type: 'token', id, admin: 'access' }) as const;
  equal(ann && permits(ann, endOf(ID)), true);
  equal(ann && permits(ann, endOf(new Uint8Array(8))), false);
  const certified = principalNamed(tableOf([]), { user: 'ann', expiresAt: 0 }, 0);
  equal(certified && permits(certified, endOf(ID)), false);
  const root = { ...tableOf([]), users: [{ name: 'ann', roles: ['root'] }] };
  const rooted = principalOf(root, ID, 0);
  equal(rooted && permits(rooted, endOf(new Uint8Array(8))), true);
});

test('the text of a token has one form, and its id is no secret', () => {
  const text = tokenText(SECRET);
  deepEqual(tokenBytes(text), SECRET);
  deepEqual(tokenIdOf(text.slice(0, 16)), ID);
  equal(hexOf(ID), text.slice(0, 16));
  const wrong = ['', text.slice(1), `${text}0`, text.toUpperCase().replace('07', 'AF'), ` ${text}`];
  for (const one of [...wrong, text.replace('.', '-')]) equal(tokenBytes(one), undefined, one);
  equal(tokenIdOf('zz'), undefined);
});
