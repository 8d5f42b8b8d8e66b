/** What the audit trail is told of passwords and of users that certificates name. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, NO_ACCESS } from '../../src/access/access-table.ts';
import { principalNamed } from '../../src/access/principal.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import { Audit } from '../../src/node/audit.ts';
import { describe, subjectOf } from '../../src/node/audit-subjects.ts';
import { Clients } from '../../src/node/clients.ts';
import { AUDIT_NODE_LIMITS } from '../../src/node/limits.ts';
import { Logins } from '../../src/node/logins.ts';
import type { NodeFact } from '../../src/node/node-fact.ts';
import { FairQueue } from '../../src/shard/fair-queue.ts';
import type { Transport } from '../../src/transport/transport.ts';
import type { ClientHello } from '../../src/wire/hello.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { tokenFor } from './access-rig.ts';

const ADA = tokenFor('ada', 2);
const RULES = [{ prefix: new Uint8Array(0), verbs: ['read', 'write'] as const }];
const LOGIN: Request & { readonly type: 'login' } = {
  ...{ type: 'login', id: 1, user: 'ann', lifeMilliseconds: 0, scope: ['a'] },
  password: new TextEncoder().encode('correct horse'),
};
const FAILED = { type: 'failed', id: 1, time: 0, leader: 0, retryAfterMilliseconds: 9 } as const;
const DONE = { type: 'logged-in', id: 1, token: ADA.bytes, expiresAt: 5 } as const;
const TABLE: AccessTable = { ...NO_ACCESS, users: [{ name: 'ada', roles: [] }] };

function stageOf(isFailClosed = false) {
  const told: AuditRecord[] = [];
  const mention = (fact: NodeFact) => {
    if (fact.type === 'audit') told.push(fact.record);
  };
  const fair = new FairQueue({ onWork: () => {} });
  const audit = new Audit(
    { mention, fair, map: undefined, wall: 0, now: 0 },
    {
      isFailClosed,
      rules: [],
    },
  );
  const transport = { bufferedToClient: () => 0 } as unknown as Transport;
  const clients = new Clients(transport, () => {}, { now: () => 0, tell() {} });
  const client = clients.add(4, { address: '10.0.0.7:5000', certificate: 'ringkv://p/user/ada' });
  return { told, audit, client };
}

test('a login is told with its user, and never with its password or its token', () => {
  const { told, audit, client } = stageOf();
  equal(subjectOf(LOGIN, RULES), undefined, 'it has a line of its own');
  audit.login(client, LOGIN, DONE);
  audit.login(client, LOGIN, { ...FAILED, failure: 'unauthenticated' });
  audit.login(client, LOGIN, { ...FAILED, failure: 'lost' });
  deepEqual(
    told.map(({ kind, what, outcome, why = '' }) => `${kind} ${what} ${outcome} ${why}`.trim()),
    [
      'authentication login ok',
      'authentication login refused unauthenticated',
      'authentication login unknown lost',
    ],
  );
  deepEqual(told[0]?.on, { user: 'ann', scope: ['a'] });
  equal(told[0]?.from, '10.0.0.7:5000');
  const text = JSON.stringify([told, describe(LOGIN)]);
  equal(text.includes('horse') || text.includes(ADA.text.slice(17)), false);
});

test('a flood of failures is counted, and does not push everything else out', () => {
  const { told, audit, client } = stageOf();
  const { denialsPerSecond } = AUDIT_NODE_LIMITS;
  for (let count = 0; count < denialsPerSecond * 2; count++) {
    audit.login(client, LOGIN, { ...FAILED, failure: 'too-many-logins' });
  }
  equal(told.length, denialsPerSecond);
  audit.login(client, LOGIN, DONE);
  equal(told.length, denialsPerSecond + 1);
});

test('each answer to a login is told; where none can be told, no password is checked', () => {
  for (const isFailClosed of [false, true]) {
    const { told, audit, client } = stageOf(isFailClosed);
    const answers: Response[] = [];
    client.respond = (response) => void answers.push(response);
    const node = { map: undefined, now: 0, wall: 0 };
    const logins = new Logins({ node, router: { route: () => {} }, audit, ports: undefined });
    logins.login({ request: LOGIN, responder: client, isForwarded: false });
    const failure = isFailClosed ? 'audit-unavailable' : 'unsupported';
    deepEqual(
      answers.map((answer) => answer.type === 'failed' && answer.failure),
      [failure],
    );
    deepEqual(
      told.map(({ why }) => why),
      [failure],
    );
  }
});

test('a fail-closed node makes no token before a durable line says so, and none without', () => {
  for (const end of ['durable', 'broken'] as const) {
    const { told, audit, client } = stageOf(true);
    const progress = { isWorking: true, durable: 0, lines: 0, dropped: 0, bytes: 0 };
    const report = (more: object) => audit.heed({ ...progress, sequence: 0, head: '', ...more });
    report({});
    const done: string[] = [];
    const next = { run: () => done.push('run'), refuse: () => done.push('refuse') };
    audit.beginLogin(client, LOGIN, next);
    deepEqual([done, told.map(({ outcome }) => outcome)], [[], ['begun']]);
    report(end === 'durable' ? { durable: told[0]?.request ?? 0 } : { isWorking: false });
    deepEqual(done, [end === 'durable' ? 'run' : 'refuse']);
  }
});

test('a client that a limit of its user keeps out is told as refused', () => {
  const { told, audit, client } = stageOf();
  audit.meet(client, { type: 'client' } as ClientHello, 'connections: 1');
  deepEqual(
    told.map(({ outcome, why }) => [outcome, why]),
    [['refused', 'connections: 1']],
  );
});

test('a new password is told with its user, and shows nothing of it', () => {
  const salt = new Uint8Array(16).fill(200);
  const verifier = new Uint8Array(32).fill(201);
  const password = { user: 'ann', salt, cost: { logN: 15, r: 8, p: 3 }, verifier };
  const command = { type: 'put-password', user: 'ann', password, endsLogins: true } as const;
  const request: Request = { type: 'command', id: 1, command: encodeCommand(command) };
  const on = { user: 'ann', isRemoved: false, endsLogins: true };
  deepEqual(subjectOf(request, []), { what: 'put-password', on });
});

test('a user that a certificate names is told by its name, and without a token', () => {
  const { told, audit, client } = stageOf();
  client.principal = principalNamed(TABLE, { user: 'ada', expiresAt: 0 }, 0);
  audit.meet(client, { type: 'client' } as ClientHello);
  deepEqual(told[0]?.who, { user: 'ada', certificate: 'ringkv://p/user/ada' });
});
