/** Limits of what is stored, in the catalog: set with the other limits, and compatible. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { ACCESS_LIMITS } from '../../src/access/limits.ts';
import { UNLIMITED } from '../../src/access/user-limits.ts';
import { decode, encode } from '../../src/base/schema.ts';
import { ACCESS } from '../../src/catalog/access-codec.ts';
import { type CatalogCommand, decodeCommand, encodeCommand } from '../../src/catalog/command.ts';
import { ROOT } from '../node/access-rig.ts';
import { founded, type Rig } from './rows.ts';

const ENABLE: CatalogCommand = { type: 'enable-access', token: ROOT.row, isForced: false };
const RATES = { ...UNLIMITED, watches: 3 };

function open(...users: readonly string[]): Rig {
  const rig = founded(1, { shards: 3 });
  rig.mustSay(ENABLE);
  for (const name of users) rig.mustSay({ type: 'put-user', user: { name, roles: ['writer'] } });
  return rig;
}

function limiting(user: string, storedKeys: number, rates = UNLIMITED): CatalogCommand {
  const storage = { storedKeys, storedBytes: 0 };
  return { type: 'limit-user-storage', limits: { ...rates, user }, storage };
}

test('the command states all limits of a user, and each of them goes with it', () => {
  const rig = open('ann');
  const epochs = rig.map.shards.map(({ epoch }) => epoch);
  rig.mustSay(limiting('ann', 5, RATES));
  deepEqual(rig.map.access?.storageLimited, [{ user: 'ann', storedKeys: 5, storedBytes: 0 }]);
  deepEqual(rig.map.access?.limited, [{ ...RATES, user: 'ann' }]);
  deepEqual(
    rig.map.shards.map(({ epoch }) => epoch),
    epochs,
    'it takes no right away',
  );
  const { version } = rig.map;
  rig.mustSay(limiting('ann', 5, RATES));
  equal(rig.map.version, version, 'a repetition changes nothing');
  rig.mustSay(limiting('ann', 6, RATES));
  equal(rig.map.access?.storageLimited[0]?.storedKeys, 6);
  rig.mustSay(limiting('ann', 6));
  deepEqual(rig.map.access?.limited, []);
  rig.mustSay({ type: 'limit-user', limits: { ...RATES, user: 'ann' } });
  deepEqual(rig.map.access?.storageLimited, [], 'what is not named does not hold');
  rig.mustSay(limiting('ann', 6));
  rig.mustSay({ type: 'delete-user', name: 'ann' });
  deepEqual(rig.map.access?.storageLimited, []);
  equal(rig.say(limiting('ann', 1)).type, 'refused');
});

test('as many users have such limits as every node counts', () => {
  const { storageLimitedMax } = ACCESS_LIMITS;
  const names = Array.from({ length: storageLimitedMax + 1 }, (_, at) => `u${at + 100}`);
  const rig = open(...names);
  for (const name of names.slice(1)) rig.mustSay(limiting(name, 1));
  deepEqual(rig.say(limiting(names[0] ?? '', 1)), { type: 'refused', reason: 'full' });
  rig.mustSay(limiting(names[0] ?? '', 0, RATES));
  rig.reopen();
  equal(rig.map.access?.storageLimited.length, storageLimitedMax);
});

test('a table without such limits is written as by the build before', () => {
  const rig = open('ann');
  rig.mustSay({ type: 'limit-user', limits: { ...RATES, user: 'ann' } });
  const { access } = rig.map;
  ok(access !== undefined);
  // A version, two booleans, three lists, and three that came later.
  equal(encode(ACCESS, access)[0], 0x90 + 9);
  const limited = { ...access, storageLimited: [{ user: 'ann', storedKeys: 1, storedBytes: 2 }] };
  const bytes = encode(ACCESS, limited);
  equal(bytes[0], 0x90 + 10);
  deepEqual(decode(ACCESS, bytes), limited);
});

test('the command has a number of its own: a build that lacks it stops, and skips nothing', () => {
  const bytes = encodeCommand(limiting('ann', 5));
  deepEqual([...bytes].slice(0, 2), [0x93, 21]);
  equal(decodeCommand(bytes).type, 'known');
  const next = Uint8Array.from(bytes);
  next[1] = 22;
  deepEqual(decodeCommand(next), { type: 'unknown', kind: 22 });
});
