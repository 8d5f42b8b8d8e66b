/** Passwords and logins in the catalog: what ends with what, what makes room, old encodings. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, NO_ACCESS } from '../../src/access/access-table.ts';
import { ACCESS_LIMITS } from '../../src/access/limits.ts';
import { PASSWORD_COST, type PasswordRow } from '../../src/access/password.ts';
import { hexOf } from '../../src/access/token.ts';
import { decode, encode } from '../../src/base/schema.ts';
import { type AccessCommand, accessAfter } from '../../src/catalog/access-changes.ts';
import { ACCESS } from '../../src/catalog/access-codec.ts';
import { type CatalogCommand, decodeCommand, encodeCommand } from '../../src/catalog/command.ts';
import { decodeMap, encodeMap, encodeMapForClients } from '../../src/catalog/map-bytes.ts';
import { ROOT, tokenFor } from '../node/access-rig.ts';
import { founded, type Rig } from './rows.ts';

const ENABLE: CatalogCommand = { type: 'enable-access', token: ROOT.row, isForced: false };

function passwordRow(user: string, number = 7): PasswordRow {
  const verifier = new Uint8Array(32).fill(number);
  return { user, salt: new Uint8Array(16).fill(number), cost: PASSWORD_COST, verifier };
}

function putPassword(user: string, number?: number, endsLogins = false): CatalogCommand {
  const password = number === undefined ? undefined : passwordRow(user, number);
  return { type: 'put-password', user, password, endsLogins };
}

/** A token from two numbers, so that there are enough of them. */
function addLogin(user: string, number: number, { at = 1, life = 1000, salt = 7 } = {}) {
  const { row } = tokenFor(user, number % 256);
  const id = row.id.slice();
  id[0] = number >> 8;
  const token = { ...row, id, expiresAt: at + life, note: 'login' };
  return { type: 'add-login', token, salt: new Uint8Array(16).fill(salt), at } as const;
}

function withUsers(...names: readonly string[]): Rig {
  const rig = founded(2, { shards: 2 });
  rig.mustSay(ENABLE);
  for (const name of names) {
    const roles = [name === 'root' ? 'root' : 'reader'];
    rig.mustSay({ type: 'put-user', user: { name, roles } });
    rig.mustSay(putPassword(name, 7));
  }
  return rig;
}

/** The refusal, or `done`, and whether the shards got other epochs. */
function say(rig: Rig, command: CatalogCommand): string {
  const before = rig.row(1).epoch;
  const reply = rig.say(command);
  if (reply.type === 'refused') return reply.reason;
  return rig.row(1).epoch > before ? 'narrower' : 'done';
}

function accessOf({ map }: Rig): AccessTable {
  ok(map.access !== undefined);
  return map.access;
}

const idsOf = ({ logins }: AccessTable) => logins.map(({ id }) => hexOf(id));

test('another password leaves the tokens of logins as they are, unless it ends them', () => {
  const rig = withUsers('ann', 'bob');
  for (const [at, user] of ['ann', 'bob', 'ann'].entries()) rig.mustSay(addLogin(user, 10 + at));
  equal(say(rig, putPassword('ann', 8)), 'done');
  equal(accessOf(rig).logins.length, 3);
  equal(say(rig, putPassword('ann', 8)), 'done', 'a repetition');
  equal(say(rig, putPassword('ann', 9, true)), 'narrower');
  deepEqual(
    accessOf(rig).logins.map(({ user }) => user),
    ['bob'],
  );
  rig.mustSay(addLogin('ann', 20, { salt: 9 }));
  equal(say(rig, putPassword('ann', undefined)), 'done');
  equal(accessOf(rig).passwords.length, 1);
  equal(accessOf(rig).logins.length, 2, 'what it was exchanged for lives to its end');
  equal(say(rig, putPassword('ann', undefined, true)), 'narrower', 'also without a password');
  equal(accessOf(rig).logins.length, 1);
});

test('a login with a password that was changed or taken away is refused', () => {
  const rig = withUsers('ann');
  rig.mustSay(putPassword('ann', 8));
  equal(say(rig, addLogin('ann', 10)), 'former-password');
  equal(say(rig, addLogin('ann', 10, { salt: 8 })), 'done');
  rig.mustSay(putPassword('ann', undefined));
  equal(say(rig, addLogin('ann', 11, { salt: 8 })), 'former-password');
  equal(say(rig, addLogin('nemo', 12)), 'former-password');
  equal(say(rig, putPassword('nemo', 8)), 'unknown-user');
  const foreign = { ...putPassword('ann', 8), user: 'root' } as CatalogCommand;
  equal(say(rig, foreign), 'unsound', 'the row is of another user');
});

test('a login is added once, and its id names one secret', () => {
  const rig = withUsers('ann');
  const command = addLogin('ann', 10);
  equal(say(rig, command), 'done');
  equal(say(rig, command), 'done', 'a copy of it');
  equal(accessOf(rig).logins.length, 1);
  const digest = new Uint8Array(32).fill(9);
  equal(say(rig, { ...command, token: { ...command.token, digest } }), 'unsound');
  const scope = ['writer'];
  const more = addLogin('ann', 11);
  equal(say(rig, { ...more, token: { ...more.token, scope } }), 'unknown-role');
});

test('what has ended is removed with the next login; the tokens of administrators stay', () => {
  const rig = withUsers('ann', 'bob');
  const ending = { ...tokenFor('ann', 4).row, expiresAt: 5 };
  rig.mustSay({ type: 'put-token', token: ending });
  for (let number = 10; number < 14; number++) rig.mustSay(addLogin('ann', number, { life: 50 }));
  rig.mustSay(addLogin('bob', 20, { at: 10, life: 500 }));
  equal(accessOf(rig).logins.length, 5);
  rig.mustSay(addLogin('bob', 21, { at: 51 }));
  deepEqual(
    accessOf(rig).logins.map(({ user }) => user),
    ['bob', 'bob'],
  );
  equal(accessOf(rig).tokens.length, 2);
});

test('of one user the oldest login makes room, and that raises no epoch', () => {
  const rig = withUsers('ann', 'bob');
  rig.mustSay(addLogin('bob', 9));
  const { loginsOfUserMax } = ACCESS_LIMITS;
  for (let count = 0; count < loginsOfUserMax + 3; count++) {
    equal(say(rig, addLogin('ann', 10 + count)), 'done');
  }
  const { logins } = accessOf(rig);
  equal(logins.length, loginsOfUserMax + 1);
  equal(logins[0]?.user, 'bob');
  const ids = Array.from({ length: loginsOfUserMax }, (_, at) => addLogin('ann', 13 + at).token.id);
  deepEqual(idsOf(accessOf(rig)).slice(1), ids.map(hexOf));
});

test('of all, too; and where bytes are missing, logins give way to everything else', () => {
  const names = Array.from({ length: 130 }, (_, at) => `u${at}`);
  const rig = withUsers('u129');
  const logins = names.flatMap((name, at) => {
    return Array.from({ length: 8 }, (_, nth) => addLogin(name, 1000 + at * 8 + nth).token);
  });
  const users = names.map((name) => ({ name, roles: ['reader'] })).sort(byName);
  const all = users.concat([{ name: 'zoe', roles: ['root'] }]);
  const tokens = accessOf(rig).tokens.map((token) => ({ ...token, user: 'zoe' }));
  const many = { ...accessOf(rig), users: all, tokens };
  let table: AccessTable = { ...many, logins: logins.slice(0, ACCESS_LIMITS.loginsMax) };
  const say = (command: AccessCommand) => {
    const after = accessAfter(table, command, table.version + 1);
    if (after.type === 'change') table = after.table;
    return after.type === 'refused' ? after.reason : after.type;
  };
  const last = addLogin('u129', 5000);
  equal(say(last), 'change');
  equal(table.logins.length, ACCESS_LIMITS.loginsMax);
  deepEqual(idsOf(table).at(-1), hexOf(last.token.id));
  equal(idsOf(table).includes(hexOf(logins[0]?.id ?? last.token.id)), false, 'the oldest');
  const from = new Uint8Array(4000);
  const grants = Array.from({ length: 6 }, () => ({ from, to: from, verbs: ['read'] as const }));
  for (let added = 0; added < 5; added++) {
    const role = { name: `r${added}`, grants, admin: [] };
    equal(say({ type: 'put-role', role }), 'change', 'an administrator is not refused');
  }
  ok(table.logins.length > 0 && table.logins.length < ACCESS_LIMITS.loginsMax);
  deepEqual(idsOf(table).at(-1), hexOf(last.token.id), 'the newest stays');
  equal(say(addLogin('u129', 5001)), 'change');
  ok(encode(ACCESS, table).length <= ACCESS_LIMITS.tableBytesMax);
});

const byName = (one: { readonly name: string }, other: { readonly name: string }) => {
  return one.name < other.name ? -1 : 1;
};

test('with its user, or by its id, a login ends; a password does not save the last root', () => {
  const rig = withUsers('ann', 'root');
  rig.mustSay(addLogin('ann', 10));
  const own = addLogin('root', 11);
  rig.mustSay({ ...own, token: { ...own.token, user: 'root' } });
  equal(say(rig, { type: 'delete-token', token: ROOT.row.id }), 'last-root');
  equal(say(rig, { type: 'delete-token', token: own.token.id }), 'narrower');
  equal(say(rig, { type: 'delete-token', token: own.token.id }), 'done', 'it is gone already');
  equal(say(rig, { type: 'delete-user', name: 'ann' }), 'narrower');
  deepEqual(accessOf(rig).logins, []);
  deepEqual(
    accessOf(rig).passwords.map(({ user }) => user),
    ['root'],
  );
});

test('a table without passwords is written as before them, and one of before is read', () => {
  const rig = founded(1);
  rig.mustSay(ENABLE);
  const table = accessOf(rig);
  const bytes = encode(ACCESS, table);
  equal(bytes[0], 0x96, 'six elements');
  deepEqual(decode(ACCESS, bytes), table);
  const rows = { passwords: [passwordRow('root')], logins: [] };
  const longer = encode(ACCESS, { ...table, ...rows });
  equal(longer[0], 0x97, 'as few as are needed');
  deepEqual(decode(ACCESS, longer), { ...table, ...rows });
  const empty = Uint8Array.of(0x97, ...bytes.subarray(1), 0x90);
  equal(decode(ACCESS, empty), undefined, 'one table has one encoding');
  const twice = { ...table, passwords: [passwordRow('root'), passwordRow('root')] };
  equal(decode(ACCESS, encode(ACCESS, twice)), undefined);
  const hidden = { ...NO_ACCESS, version: 1, isHidden: true };
  equal(decode(ACCESS, encode(ACCESS, { ...hidden, ...rows })), undefined);
});

test('nodes get all of it with their map, a replica that opens too, and clients none of it', () => {
  const rig = withUsers('ann');
  const before = rig.map;
  rig.mustSay(addLogin('ann', 10));
  const { map } = rig;
  rig.reopen();
  deepEqual(rig.map, map);
  deepEqual(decodeMap(encodeMap(map, 0), undefined), map);
  deepEqual(decodeMap(encodeMap(map, before.version), before), map);
  const { access } = decodeMap(encodeMapForClients(map), undefined) ?? {};
  const { isHidden, passwords, logins } = access ?? NO_ACCESS;
  deepEqual([isHidden, passwords, logins], [true, [], []]);
});

test('a password that would cost too much, or too little, is no command', () => {
  const command = (cost: object) => {
    const password = { ...passwordRow('ann'), cost: { ...PASSWORD_COST, ...cost } };
    const sent = { type: 'put-password', user: 'ann', password, endsLogins: false } as const;
    return decodeCommand(encodeCommand(sent)).type;
  };
  equal(command({}), 'known');
  for (const cost of [{ logN: 13 }, { logN: 18 }, { r: 7 }, { r: 9 }, { p: 0 }, { p: 5 }]) {
    equal(command(cost), 'malformed', JSON.stringify(cost));
  }
  const endless = { ...addLogin('ann', 3), token: tokenFor('ann', 3).row };
  equal(decodeCommand(encodeCommand(endless)).type, 'malformed', 'a login ends');
});
