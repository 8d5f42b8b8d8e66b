/** Users, tokens and roles in the catalog: what is refused, and what raises the shards' epochs. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, NO_ACCESS } from '../../src/access/access-table.ts';
import { ACCESS_LIMITS } from '../../src/access/limits.ts';
import { UNLIMITED } from '../../src/access/user-limits.ts';
import { Random } from '../../src/base/random.ts';
import { count, decode, encode, list, type Schema, struct, truth } from '../../src/base/schema.ts';
import { ACCESS, ROLE, TOKEN_ROW, USER } from '../../src/catalog/access-codec.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { type CatalogCommand, encodeCommand } from '../../src/catalog/command.ts';
import { decodeMap, encodeMap, encodeMapForClients } from '../../src/catalog/map-bytes.ts';
import { grant, ROOT, roleOf, tokenFor } from '../node/access-rig.ts';
import { founded, joining, type Rig } from './rows.ts';

const ENABLE: CatalogCommand = { type: 'enable-access', token: ROOT.row, isForced: false };
const ANN = { name: 'ann', roles: ['reader'] };

function epochsOf({ map }: Rig): readonly number[] {
  return map.shards.map(({ epoch }) => epoch);
}

/** The refusal, or `done`, and whether every data shard got another epoch. */
function say(rig: Rig, command: CatalogCommand): string {
  const before = epochsOf(rig);
  const reply = rig.say(command);
  if (reply.type === 'refused') return reply.reason;
  const raised = epochsOf(rig).filter((epoch, at) => epoch === (before[at] ?? 0) + 1).length;
  const all = raised === before.length - 1 && epochsOf(rig)[0] === before[0];
  return raised === 0 ? 'done' : all ? 'narrower' : 'some shards only';
}

test('what takes a right away raises the epoch of every data shard, and nothing else does', () => {
  const rig = founded(2, { shards: 3 });
  const token = tokenFor('ann', 2).row;
  equal(say(rig, { type: 'put-user', user: ANN }), 'done', 'nothing is guarded yet');
  equal(say(rig, ENABLE), 'narrower');
  equal(say(rig, { type: 'put-token', token }), 'done');
  equal(say(rig, { type: 'put-role', role: roleOf('r', [grant('a', ['read'])]) }), 'narrower');
  equal(say(rig, { type: 'put-user', user: { name: 'ann', roles: ['r'] } }), 'narrower');
  equal(say(rig, { type: 'delete-token', token: token.id }), 'narrower');
  equal(say(rig, { type: 'delete-token', token: token.id }), 'done', 'it is gone already');
  equal(say(rig, { type: 'delete-user', name: 'ann' }), 'narrower');
  equal(say(rig, { type: 'delete-role', name: 'r' }), 'narrower');
  equal(say(rig, { type: 'disable-access' }), 'done');
  equal(rig.map.access?.isEnabled, false);
  equal(rig.map.access?.users.length, 1, 'what is configured stays');
});

test('enabling makes the first root, and no second one by the same way', () => {
  const rig = founded(1);
  equal(say(rig, { ...ENABLE, token: undefined }), 'last-root');
  equal('access' in rig.map, false);
  equal(say(rig, ENABLE), 'narrower');
  deepEqual(rig.map.access?.users, [{ name: 'root', roles: ['root'] }]);
  equal(say(rig, ENABLE), 'done', 'a repetition');
  equal(say(rig, { ...ENABLE, token: tokenFor('eve', 3).row }), 'unsound');
});

test('a table that no replica could read again is refused', () => {
  const rig = founded(1);
  const roles = Array.from({ length: 61 }, (_, at) => `r${100 + at}`);
  for (const name of roles) rig.mustSay({ type: 'put-role', role: roleOf(name, []) });
  const user = { name: 'root', roles: [...roles, 'operator', 'reader', 'writer'] };
  rig.mustSay({ type: 'put-user', user });
  equal(say(rig, ENABLE), 'full', 'root would have 65 roles');
  rig.mustSay({ type: 'put-user', user: { ...user, roles: roles.slice(1) } });
  equal(say(rig, ENABLE), 'narrower');
});

test('the last token without an end of a root stays', () => {
  const rig = founded(1);
  rig.mustSay(ENABLE);
  equal(say(rig, { type: 'delete-token', token: ROOT.row.id }), 'last-root');
  equal(say(rig, { type: 'put-user', user: { name: 'root', roles: ['reader'] } }), 'last-root');
  equal(say(rig, { type: 'delete-user', name: 'root' }), 'last-root');
  const ending = { ...tokenFor('root', 4).row, expiresAt: 5 };
  equal(say(rig, { type: 'put-token', token: ending }), 'done');
  equal(say(rig, { type: 'delete-token', token: ROOT.row.id }), 'last-root', 'that one ends');
  equal(say(rig, { type: 'put-token', token: tokenFor('root', 5).row }), 'done');
  equal(say(rig, { type: 'delete-token', token: ROOT.row.id }), 'narrower');
});

test('names that are not there, and roles that are built in or in use, are refused', () => {
  const rig = founded(1);
  rig.mustSay(ENABLE);
  const { row } = tokenFor('ann', 2);
  equal(say(rig, { type: 'put-token', token: row }), 'unknown-user');
  equal(say(rig, { type: 'put-user', user: { name: 'ann', roles: ['x'] } }), 'unknown-role');
  const twice = { name: 'ann', roles: ['reader', 'reader'] };
  equal(say(rig, { type: 'put-user', user: twice }), 'unsound');
  equal(say(rig, { type: 'put-role', role: roleOf('root', []) }), 'unsound');
  equal(say(rig, { type: 'delete-role', name: 'reader' }), 'unsound');
  rig.mustSay({ type: 'put-role', role: roleOf('x', []) });
  rig.mustSay({ type: 'put-user', user: { name: 'ann', roles: ['x'] } });
  equal(say(rig, { type: 'delete-role', name: 'x' }), 'in-use');
  equal(say(rig, { type: 'put-token', token: { ...row, scope: ['reader'] } }), 'unknown-role');
  equal(say(rig, { type: 'put-token', token: row }), 'done');
  const other = { ...row, digest: tokenFor('ann', 9).row.digest };
  equal(say(rig, { type: 'put-token', token: other }), 'unsound', 'an id names one secret');
});

const LIMITS = {
  user: 'ann',
  requestsPerSecond: 10,
  bytesPerSecond: 0,
  connections: 2,
  watches: 0,
};

test('limits are of a user, are replaced as a whole, and go with it', () => {
  const rig = founded(1, { shards: 3 });
  rig.mustSay(ENABLE);
  const none = { ...UNLIMITED, user: 'ann' };
  equal(say(rig, { type: 'limit-user', limits: LIMITS }), 'unknown-user');
  rig.mustSay({ type: 'put-user', user: ANN });
  const { version } = rig.map;
  equal(say(rig, { type: 'limit-user', limits: none }), 'done');
  equal(rig.map.version, version, 'there is nothing to lift');
  equal(say(rig, { type: 'limit-user', limits: LIMITS }), 'done', 'no right changes');
  deepEqual(rig.map.access?.limited, [LIMITS]);
  const changed = rig.map.version;
  equal(say(rig, { type: 'limit-user', limits: LIMITS }), 'done');
  equal(rig.map.version, changed, 'a repetition changes nothing');
  rig.mustSay({ type: 'put-user', user: { name: 'ann', roles: [] } });
  deepEqual(rig.map.access?.limited, [LIMITS], 'other roles, the same limits');
  const other = { ...none, watches: 5 };
  rig.mustSay({ type: 'limit-user', limits: other });
  deepEqual(rig.map.access?.limited, [other], 'what is not named does not hold');
  rig.mustSay({ type: 'delete-user', name: 'ann' });
  rig.mustSay({ type: 'put-user', user: ANN });
  deepEqual(rig.map.access?.limited, [], 'another user of the same name');
  rig.mustSay({ type: 'limit-user', limits: LIMITS });
  rig.mustSay({ type: 'limit-user', limits: none });
  deepEqual(rig.map.access?.limited, []);
});

test('a table without limits is written as it was before there were any, and read so', () => {
  const before = struct({
    version: count(),
    isEnabled: truth,
    isHidden: truth,
    roles: list(ROLE, { max: 64 }),
    users: list(USER, { max: 256 }),
    tokens: list(TOKEN_ROW, { max: 1024 }),
  }) as unknown as Schema<Omit<AccessTable, 'limited'>>;
  const rig = founded(1);
  rig.mustSay(ENABLE);
  rig.mustSay({ type: 'put-user', user: ANN });
  const { access } = rig.map;
  ok(access !== undefined);
  const { limited, ...known } = access;
  deepEqual(limited, []);
  const bytes = encode(before, known);
  deepEqual(encode(ACCESS, access), bytes);
  deepEqual(decode(ACCESS, bytes), access);
  const grown = encode(ACCESS, { ...access, limited: [LIMITS] });
  deepEqual(decode(ACCESS, grown), { ...access, limited: [LIMITS] });
  equal(decode(before, grown), undefined);
  const twice = encode(ACCESS, { ...access, limited: [LIMITS, LIMITS] });
  equal(decode(ACCESS, twice), undefined, 'one row for a user');
  equal(
    decode(ACCESS, encode(ACCESS, { ...NO_ACCESS, isHidden: true, limited: [LIMITS] })),
    undefined,
  );
});

test('the number of the command that limits a user stays', () => {
  deepEqual(
    [...encodeCommand({ type: 'limit-user', limits: LIMITS })].slice(0, 3),
    [0x92, 20, 0x95],
  );
});

test('all of it is bounded', () => {
  const rig = founded(1);
  rig.mustSay(ENABLE);
  const { usersMax } = ACCESS_LIMITS;
  let last = '';
  for (let at = 0; at < usersMax; at++) {
    last = say(rig, { type: 'put-user', user: { name: `u${at}`, roles: [] } });
  }
  equal(last, 'full');
  equal(rig.map.access?.users.length, usersMax);
});

test('a command that was permitted by former rights has to be permitted anew', () => {
  const rig = founded(1);
  rig.mustSay(ENABLE);
  const command = encodeCommand({ type: 'put-user', user: ANN });
  const accessVersion = rig.map.access?.version ?? 0;
  rig.mustSay({ type: 'put-user', user: { name: 'bob', roles: [] } });
  equal(say(rig, { type: 'permitted', accessVersion, command }), 'stale-revision');
  equal(rig.map.access?.users.length, 2);
  const now = rig.map.access?.version ?? 0;
  equal(say(rig, { type: 'permitted', accessVersion: now, command }), 'narrower');
  const twice = encodeCommand({ type: 'permitted', accessVersion: 0, command });
  const newest = rig.map.access?.version ?? 0;
  equal(say(rig, { type: 'permitted', accessVersion: newest, command: twice }), 'malformed');
  const unknown = { accessVersion: newest, command: Uint8Array.of(0x92, 99, 0) };
  const bytes = encodeCommand({ type: 'permitted', ...unknown });
  deepEqual(rig.apply(bytes), { type: 'unknown-command', kind: 99 });
});

test('a replica that opens, and one that gets the map or a difference, know the same', () => {
  const rig = founded(2);
  const random = new Random(3);
  let known: ClusterMap = rig.map;
  rig.mustSay(ENABLE);
  for (let step = 0; step < 60; step++) {
    const name = `u${random.below(5)}`;
    const commands: readonly CatalogCommand[] = [
      { type: 'put-user', user: { name, roles: ['reader'] } },
      { type: 'put-token', token: tokenFor(name, 10 + random.below(20)).row },
      { type: 'delete-user', name },
      { type: 'limit-user', limits: { ...LIMITS, user: name, watches: random.below(3) } },
      { type: 'limit-user', limits: { ...UNLIMITED, user: name } },
      {
        type: 'limit-user-storage',
        limits: { ...LIMITS, user: name },
        storage: { storedKeys: random.below(3), storedBytes: random.below(3) },
      },
      joining(3 + random.below(4)),
    ];
    rig.say(random.pick(commands));
    const { map } = rig;
    rig.reopen();
    deepEqual(rig.map, map);
    deepEqual(decodeMap(encodeMap(map, 0), undefined), map);
    deepEqual(decodeMap(encodeMap(map, known.version), known), map);
    if (random.chance(0.3)) known = map;
  }
});

test('a map for clients has no users; a node that knows no other one permits nothing', () => {
  const rig = founded(2);
  rig.mustSay(ENABLE);
  const { map } = rig;
  const bytes = encodeMapForClients(map);
  const seen = decodeMap(bytes, undefined);
  const version = map.access?.version ?? 0;
  const none = { ...NO_ACCESS, version, isEnabled: true, isHidden: true };
  deepEqual(seen, { ...map, access: none });
  deepEqual(decodeMap(encodeMap(map, 0), seen), map, 'from a peer it learns the rest');
  deepEqual(decodeMap(bytes, map), map, 'it loses nothing');
  rig.mustSay(joining(5));
  const later = decodeMap(encodeMapForClients(rig.map), map);
  deepEqual(later?.access, map.access, 'what is not newer is kept');
  rig.mustSay({ type: 'put-user', user: ANN });
  const blind = decodeMap(encodeMapForClients(rig.map), map);
  equal(blind?.access?.isHidden, true, 'what is newer is not known, so nothing is permitted');
});
