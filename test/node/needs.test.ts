/** Every type of request times every role: who may ask what. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ACCESS } from '../../src/access/access-table.ts';
import { permits, principalOf } from '../../src/access/principal.ts';
import type { Role } from '../../src/access/role.ts';
import { credentialOf } from '../../src/access/token.ts';
import { UNLIMITED } from '../../src/access/user-limits.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { type CatalogCommand, encodeCommand } from '../../src/catalog/command.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { encodeOperations, encodeTransaction } from '../../src/machine/transaction-codec.ts';
import { needsOf } from '../../src/node/needs.ts';
import type { Request } from '../../src/wire/request.ts';
import { foundation, joining } from '../catalog/rows.ts';
import { clientOf } from '../machine/machine-rig.ts';
import { grant, roleOf, tokenFor } from './access-rig.ts';

const SHARD = 3 as ShardId;
const ABOUT = { id: 1, shard: SHARD, epoch: 1 } as const;
const PROOF = new Uint8Array(32);
const NOTHING = new Uint8Array(0);
const bytesOf = (text: string) => new TextEncoder().encode(text);
const [IN, OUT] = [bytesOf('a/1'), bytesOf('b/1')];
const WITHIN = { from: bytesOf('a/'), to: bytesOf('a0') };
const WIDER = { from: bytesOf('a/'), to: bytesOf('a0x') };
const TERMS = { ...ABOUT, level: { type: 'linearizable' }, patienceMilliseconds: 1 } as const;
const RANGE = { isReverse: false, answer: 'rows', rowsMax: 9 } as const;
const CONTENDER = { id: { home: 0, client: clientOf(1), sequence: 1 }, attempts: 0, age: 5 };
const LEASE = { id: clientOf(2), opening: undefined };

function setOf(key: Uint8Array): Operation {
  return { type: 'set', key, value: key, lifeMilliseconds: 0 };
}

function writeOf(...operations: readonly Operation[]): Request {
  const about = { client: clientOf(1), deadline: 5, sequence: 1 };
  return { type: 'write', ...ABOUT, batch: encodeBatch({ ...about, commands: [operations] }) };
}

function transactOf(...operations: readonly Operation[]): Request {
  const parts = operations.map((operation, at) => {
    return { shard: at + 1, epoch: 1, deadline: 5, operations: [operation] };
  });
  const about = { client: clientOf(1), sequence: 1, attempts: 0, age: 1 };
  const transaction = encodeTransaction({ ...about, parts });
  return { type: 'transact', ...ABOUT, transaction };
}

function validateOf(...checks: readonly Operation[]): Request {
  return { type: 'validate', ...TERMS, owner: undefined, checks: encodeOperations(checks) };
}

function commandOf(command: CatalogCommand): Request {
  return { type: 'command', id: 1, command: encodeCommand(command) };
}

function watchOf(range: typeof WITHIN): Request {
  const about = { start: undefined, atLeast: 0, keysOnly: false, credit: 1 };
  return { type: 'watch', ...ABOUT, ...range, ...about };
}

const versioned = (key: Uint8Array): Operation => ({ type: 'check-version', key, version: 0 });
const valued = (key: Uint8Array): Operation => ({ type: 'check-value', key, value: key });
const present = (key: Uint8Array): Operation => ({ type: 'check-presence', key, isThere: true });
const acquire = (key: Uint8Array): Operation => {
  const about = { lease: LEASE, ticket: 5, kind: 'exclusive', permits: 1, note: NOTHING } as const;
  return { type: 'acquire', key, ...about, isWaiting: true };
};
const REMOVAL = { node: 2, revision: 1, membership: 'removing', isForced: false } as const;

/** Of all of the keys `a/…`. */
const ROLES: Readonly<Record<string, Role | string>> = {
  none: roleOf('none', []),
  read: roleOf('read', [grant('a/', ['read'])]),
  write: roleOf('write', [grant('a/', ['write'])]),
  watch: roleOf('watch', [grant('a/', ['watch'])]),
  lock: roleOf('lock', [grant('a/', ['lock'])]),
  operator: 'operator',
  reader: 'reader',
  writer: 'writer',
  root: 'root',
};
const OWN = ['write', 'lock', 'operator', 'writer', 'root'];
const ALL = Object.keys(ROLES);

const LOGIN = { ...tokenFor('ann', 4).row, expiresAt: 5 };
const OWN_TOKEN = tokenFor('ann', 2).row.id;

function loginOf(user: string): Request {
  return { type: 'login', id: 1, user, password: NOTHING, lifeMilliseconds: 0, scope: [] };
}

/** Who may ask it; `anyone` also without a token. */
type Row = readonly [what: string, request: Request, who: readonly string[] | 'anyone'];

const DOORS: readonly Row[] = [
  ['the map', { type: 'map', id: 1, knownVersion: 0 }, 'anyone'],
  ['a set', writeOf(setOf(IN)), ['write', 'writer', 'root']],
  ['a set outside', writeOf(setOf(OUT)), ['writer', 'root']],
  ['two sets, one outside', writeOf(setOf(IN), setOf(OUT)), ['writer', 'root']],
  ['a checked set', writeOf(versioned(IN), setOf(IN)), ['writer', 'root']],
  ['a set checked outside', writeOf(versioned(OUT), setOf(IN)), ['writer', 'root']],
  ['a set by a value', writeOf(valued(OUT), setOf(IN)), ['writer', 'root']],
  ['a set by presence', writeOf(present(OUT), setOf(IN)), ['writer', 'root']],
  ['a lock', writeOf(acquire(IN)), ['lock', 'writer', 'root']],
  ['a lock outside', writeOf(acquire(OUT)), ['writer', 'root']],
  ['the end of a lease', writeOf({ type: 'end-lease', key: OUT, lease: clientOf(2) }), OWN],
  ['a read', { type: 'read', ...TERMS, keys: [IN] }, ['read', 'reader', 'writer', 'root']],
  ['a read outside', { type: 'read', ...TERMS, keys: [IN, OUT] }, ['reader', 'writer', 'root']],
  [
    'a range',
    { type: 'range', ...TERMS, range: { ...WITHIN, ...RANGE } },
    ['read', 'reader', 'writer', 'root'],
  ],
  [
    'a wider range',
    { type: 'range', ...TERMS, range: { ...WIDER, ...RANGE } },
    ['reader', 'writer', 'root'],
  ],
  [
    'a count of all',
    { type: 'range', ...TERMS, range: { from: NOTHING, to: NOTHING, ...RANGE, answer: 'count' } },
    ['reader', 'writer', 'root'],
  ],
  ['a removal', commandOf({ type: 'set-membership', ...REMOVAL } as never), ['operator', 'root']],
  ['a join without proof', commandOf(joining(2)), ['operator', 'root']],
  ['a join with proof', commandOf({ ...joining(2), proof: PROOF } as CatalogCommand), 'anyone'],
  ['a foundation', commandOf(foundation()), []],
  ['a new user', commandOf({ type: 'put-user', user: { name: 'x', roles: [] } }), ['root']],
  ['a limit', commandOf({ type: 'limit-user', limits: { ...UNLIMITED, user: 'x' } }), ['root']],
  [
    'a limit of what is stored',
    commandOf({
      type: 'limit-user-storage',
      limits: { ...UNLIMITED, user: 'x' },
      storage: { storedKeys: 1, storedBytes: 0 },
    }),
    ['root'],
  ],
  ['a new token', commandOf({ type: 'put-token', token: tokenFor('x', 3).row }), ['root']],
  [
    'a command that says it was permitted',
    commandOf({ type: 'permitted', accessVersion: 0, command: NOTHING }),
    [],
  ],
  ['the report of a node', { type: 'info', id: 1 }, ['operator', 'root']],
  ['a transaction', transactOf(setOf(IN), setOf(IN)), ['write', 'writer', 'root']],
  ['one with a part outside', transactOf(setOf(IN), setOf(OUT)), ['writer', 'root']],
  ['a step of a transaction', { type: 'step', ...ABOUT, step: 'resolve', bytes: NOTHING }, []],
  ['a validation', validateOf(versioned(IN)), ['read', 'reader', 'writer', 'root']],
  ['a validation outside', validateOf(versioned(OUT)), ['reader', 'writer', 'root']],
  [
    'the outcome of a transaction',
    {
      ...{ type: 'settle', id: 1, shard: SHARD, contender: CONTENDER, isPreempting: true },
      participants: [{ position: 0, deadline: 1 }],
    },
    OWN,
  ],
  ['pending transactions', { type: 'pending', id: 1 }, ['operator', 'root']],
  ['a watch', watchOf(WITHIN), ['watch', 'reader', 'writer', 'root']],
  ['a wider watch', watchOf(WIDER), ['reader', 'writer', 'root']],
  ['credit', { type: 'credit', id: 1, bytes: 1 }, ALL],
  ['the end of a watch', { type: 'cancel', id: 1 }, ALL],
  ['how far a watch is', { type: 'reach', id: 1, index: 1 }, ALL],
  [
    'a barrier',
    { type: 'barrier', ...ABOUT, ...WITHIN, isRecording: true, patienceMilliseconds: 1 },
    ['read', 'watch', 'reader', 'writer', 'root'],
  ],
  ['a keepalive', { type: 'keep', ...ABOUT, leases: [clientOf(2)] }, OWN],
  [
    'a wait for a ticket',
    { type: 'await-ticket', ...ABOUT, name: IN, ticket: 5, patienceMilliseconds: 1 },
    ['lock', 'writer', 'root'],
  ],
  [
    'a wait for a ticket outside',
    { type: 'await-ticket', ...ABOUT, name: OUT, ticket: 5, patienceMilliseconds: 1 },
    ['writer', 'root'],
  ],
  [
    'a list of leases',
    { type: 'coordination', ...ABOUT, what: 'leases', after: NOTHING, rowsMax: 5 },
    ['operator', 'root'],
  ],
  ['who one is', { type: 'access', id: 1, what: 'self' }, 'anyone'],
  ['a login', loginOf('ann'), 'anyone'],
  [
    'a new password',
    commandOf({ type: 'put-password', user: 'ann', password: undefined, endsLogins: true }),
    ['root'],
  ],
  [
    'a login that a node has checked',
    commandOf({ type: 'add-login', token: LOGIN, salt: PROOF.slice(0, 16), at: 1 }),
    [],
  ],
  ['the end of another token', commandOf({ type: 'delete-token', token: LOGIN.id }), ['root']],
  ['the end of its own token', commandOf({ type: 'delete-token', token: OWN_TOKEN }), ALL],
  ['users and tokens', { type: 'access', id: 1, what: 'table' }, ['root']],
];

/** The roles that may ask it. */
function askers(request: Request): readonly string[] | 'anyone' {
  const needs = needsOf(request);
  if (needs === 'anyone') return 'anyone';
  if (needs === 'nodes-only') return [];
  if (needs === 'known') return ALL;
  const { token } = credentialOf(tokenFor('ann', 2).bytes);
  return ALL.filter((name) => {
    const role = ROLES[name];
    const roles = typeof role === 'object' ? [role] : [];
    const users = [{ name: 'ann', roles: [name] }];
    const table = { ...NO_ACCESS, roles, users, tokens: [tokenFor('ann', 2).row] };
    const principal = principalOf(table, token, 0);
    return principal !== undefined && needs.every((need) => permits(principal, need));
  });
}

for (const [what, request, who] of DOORS) {
  const askerText = who === 'anyone' ? who : who.join(' ') || 'no client';
  test(`${what} (${request.type}): ${askerText}`, () => {
    deepEqual(askers(request), who);
  });
}

test('the matrix has every type of request', () => {
  const tried = new Set(DOORS.map(([, { type }]) => type));
  // A request type that is missing here lacks a row above, in `needs.ts` it would not compile.
  const all: Record<Request['type'], true> = {
    ...{ map: true, write: true, read: true, range: true, command: true, info: true },
    ...{ transact: true, step: true, validate: true, settle: true, pending: true, watch: true },
    ...{ credit: true, cancel: true, reach: true, barrier: true, keep: true, access: true },
    ...{ 'await-ticket': true, coordination: true, login: true },
  };
  deepEqual([...tried].sort(), Object.keys(all).sort());
});

test('no client asks the shard of the catalog for keys: its rows are users and tokens', () => {
  const shard = 0 as ShardId;
  for (const [what, request] of DOORS) {
    if (!('shard' in request) || request.type === 'settle') continue;
    deepEqual(askers({ ...request, shard }), [], what);
  }
});

test('a malformed batch needs a token, and is refused for what it is', () => {
  deepEqual(askers({ type: 'write', ...ABOUT, batch: NOTHING }), ALL);
  deepEqual(askers({ type: 'transact', ...ABOUT, transaction: NOTHING }), ALL);
});
