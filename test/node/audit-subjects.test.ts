/** Which requests are audited, and what the trail is told of them: never a value or a secret. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditRule } from '../../src/audit/policy.ts';
import type { ShardId } from '../../src/base/ids.ts';
import { type CatalogCommand, encodeCommand } from '../../src/catalog/command.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import { encodeTransaction } from '../../src/machine/transaction-codec.ts';
import { describe, subjectOf } from '../../src/node/audit-subjects.ts';
import type { Request } from '../../src/wire/request.ts';
import { joining } from '../catalog/rows.ts';
import { clientOf } from '../machine/machine-rig.ts';
import { grant, roleOf, tokenFor } from './access-rig.ts';

const SHARD = 3 as ShardId;
const ABOUT = { id: 1, shard: SHARD, epoch: 1 } as const;
const TERMS = { ...ABOUT, level: { type: 'linearizable' }, patienceMilliseconds: 1 } as const;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const VALUE = 'a-value-that-no-line-may-have';
const ALL: readonly AuditRule[] = [
  { prefix: bytesOf(''), verbs: ['read', 'write', 'watch', 'lock'] },
];
const RULES: readonly AuditRule[] = [{ prefix: bytesOf('a/'), verbs: ['write'] }];

function setOf(key: string | Uint8Array): Operation {
  const bytes = typeof key === 'string' ? bytesOf(key) : key;
  return { type: 'set', key: bytes, value: bytesOf(VALUE), lifeMilliseconds: 0 };
}

function writeOf(...operations: readonly Operation[]): Request {
  const about = { client: clientOf(1), deadline: 5, sequence: 1 };
  return { type: 'write', ...ABOUT, batch: encodeBatch({ ...about, commands: [operations] }) };
}

function commandOf(command: CatalogCommand): Request {
  return { type: 'command', id: 1, command: encodeCommand(command) };
}

function rangeOf(from: string, to: string): Request {
  const range = { from: bytesOf(from), to: bytesOf(to), isReverse: false, rowsMax: 9 } as const;
  return { type: 'range', ...TERMS, range: { ...range, answer: 'rows' } };
}

const TOKEN = tokenFor('billing', 3);
const NOTED = { ...TOKEN.row, note: 'a-note-of-people' };

const LIMITS = {
  ...{ user: 'billing', requestsPerSecond: 10, bytesPerSecond: 0, connections: 2, watches: 0 },
};

const STORAGE = { storedKeys: 5, storedBytes: 0 };

const COMMANDS: readonly (readonly [CatalogCommand, object])[] = [
  [
    { type: 'put-user', user: { name: 'billing', roles: ['orders'] } },
    { user: 'billing', roles: ['orders'] },
  ],
  [{ type: 'delete-user', name: 'billing' }, { user: 'billing' }],
  [{ type: 'limit-user', limits: LIMITS }, LIMITS],
  [
    { type: 'limit-user-storage', limits: LIMITS, storage: STORAGE },
    { ...LIMITS, ...STORAGE },
  ],
  [{ type: 'delete-role', name: 'orders' }, { role: 'orders' }],
  [
    { type: 'put-role', role: roleOf('orders', [grant('a/', ['read', 'write'])]) },
    { role: 'orders', grants: [{ verb: 'read,write', from: 'a/', to: 'a0' }], admin: [] },
  ],
  [
    { type: 'put-token', token: NOTED },
    { token: '0303030303030303', user: 'billing', scope: [], expiresAt: 0 },
  ],
  [{ type: 'delete-token', token: TOKEN.row.id }, { token: '0303030303030303' }],
  [
    { type: 'enable-access', token: NOTED, isForced: true },
    { token: '0303030303030303', user: 'billing', scope: [], expiresAt: 0, isForced: true },
  ],
  [{ type: 'disable-access' }, {}],
  [
    {
      type: 'set-membership',
      node: 2,
      revision: 1,
      membership: 'removing',
      isForced: true,
    } as never,
    { node: 2, membership: 'removing', isForced: true },
  ],
];

test('every command to the catalog is audited, with what it names', () => {
  for (const [command, on] of COMMANDS) {
    deepEqual(subjectOf(commandOf(command), []), { what: command.type, on });
  }
  equal(subjectOf(commandOf(joining(1)), [])?.what, 'join');
});

test('the settling of a transaction and the list of all users are audited', () => {
  const contender = { id: { home: 2, client: clientOf(1), sequence: 9 }, attempts: 0, age: 5 };
  const settle = { ...ABOUT, contender, participants: [], isPreempting: true } as const;
  equal(subjectOf({ type: 'settle', ...settle } as Request, [])?.what, 'settle');
  equal(subjectOf({ type: 'access', id: 1, what: 'table' }, [])?.what, 'access');
  equal(subjectOf({ type: 'access', id: 1, what: 'self' }, []), undefined);
});

test('data are audited by rules, and without a rule none are', () => {
  const cases: readonly (readonly [Request, boolean])[] = [
    [writeOf(setOf('a/1')), true],
    [writeOf(setOf('a')), false],
    [writeOf(setOf('b/1')), false],
    [writeOf(setOf('b/1'), setOf('a/1')), true],
    [{ type: 'read', ...TERMS, keys: [bytesOf('a/1')] }, false],
    [{ type: 'map', id: 1, knownVersion: 0 }, false],
  ];
  for (const [request, isAudited] of cases) {
    equal(subjectOf(request, RULES) !== undefined, isAudited, JSON.stringify(request));
    equal(subjectOf(request, []), undefined);
  }
});

test('of the keys of a request those are told that a rule covers', () => {
  const { on } = subjectOf(writeOf(setOf('b/1'), setOf('a/1')), RULES) ?? {};
  deepEqual(on, { keys: [{ verb: 'write', key: 'a/1' }] });
});

test('a part of a transaction in another shard is audited', () => {
  const parts = ['b/1', 'a/1'].map((key, at) => {
    return { shard: at + 1, epoch: 1, deadline: 5, operations: [setOf(key)] };
  });
  const about = { client: clientOf(1), sequence: 1, attempts: 0, age: 1 };
  const transaction = encodeTransaction({ ...about, parts });
  deepEqual(subjectOf({ type: 'transact', ...ABOUT, transaction }, RULES)?.on, {
    keys: [{ verb: 'write', key: 'a/1' }],
  });
});

test('a range is audited if a part of it is covered', () => {
  const rules: readonly AuditRule[] = [{ prefix: bytesOf('m/'), verbs: ['read'] }];
  const cases: readonly (readonly [from: string, to: string, isAudited: boolean])[] = [
    ['', '', true],
    ['m/', 'm0', true],
    ['m/5', 'm/6', true],
    ['a', 'm/', false],
    ['a', 'm/0', true],
    ['m0', '', false],
    ['m/z', '', true],
    ['a', 'b', false],
  ];
  for (const [from, to, isAudited] of cases) {
    equal(subjectOf(rangeOf(from, to), rules) !== undefined, isAudited, `${from} to ${to}`);
  }
});

test('no line has a value, a digest or a note', () => {
  const secrets = [VALUE, NOTED.note, TOKEN.text, Buffer.from(TOKEN.row.digest).toString('hex')];
  const about = { key: bytesOf('a/1'), value: bytesOf(VALUE), lifeMilliseconds: 0 };
  const append = { type: 'append', ...about } as const;
  const check = { type: 'check-value', key: bytesOf('a/1'), value: bytesOf(VALUE) } as const;
  const requests = [
    writeOf(setOf('a/1'), check, append),
    ...COMMANDS.map(([command]) => commandOf(command)),
    commandOf(joining(1)),
  ];
  for (const request of requests) {
    const text = JSON.stringify([subjectOf(request, ALL), describe(request)]);
    for (const secret of secrets) equal(text.includes(secret), false, text);
  }
});

test('keys that are no text are told in hex, long ones are cut, many are counted', () => {
  const binary = writeOf(setOf(Uint8Array.of(0xff, 0)));
  deepEqual(subjectOf(binary, ALL)?.on, { keys: [{ verb: 'write', keyHex: 'ff00' }] });
  const long = writeOf(setOf('k'.repeat(4000)));
  const text = JSON.stringify(subjectOf(long, ALL));
  ok(text.includes('"keyBytes":4000') && text.length < 400, text);
  const many = writeOf(...Array.from({ length: 40 }, (_, at) => setOf(`a/${at}`)));
  const { keys = [], more } = subjectOf(many, ALL)?.on ?? {};
  deepEqual([(keys as readonly object[]).length, more], [16, 24]);
});
