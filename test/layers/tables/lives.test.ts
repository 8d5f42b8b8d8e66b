/** Rows with a time to live, and live queries. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { openTables, type RowEvent, table, unchecked, versionOf } from '../../../src/tables.ts';
import { testkit } from '../../../src/testkit.ts';
import { opened, type User, user } from './support/people.ts';

interface Session {
  readonly id: string;
  readonly user: string;
  readonly note?: string;
}

async function sessions(ttl?: number) {
  const kit = await testkit({ shards: 4 });
  const indexes = { user: { on: ['user'], unique: true } } as const;
  const life = ttl === undefined ? {} : { ttl };
  const definition = table({ schema: unchecked<Session>(), key: ['id'], indexes, ...life });
  const db = await openTables(kit.kv(), { schema: { sessions: definition } });
  return { kit, db };
}

test('a row with a time to live goes, and its unique value is free again', async () => {
  const { kit, db } = await sessions(60_000);
  await db.sessions.insert({ id: '1', user: 'ada' });
  await kit.clock.advance(50_000);
  await db.sessions.update('1', { note: 'seen' });
  await kit.clock.advance(50_000);
  equal((await db.sessions.get('1'))?.note, 'seen', 'each write begins it anew');
  await rejects(db.sessions.insert({ id: '2', user: 'ada' }), { otherKey: ['1'] });
  await kit.clock.advance(15_000);
  equal(await db.sessions.get('1'), undefined);
  const byUser = async () => (await db.sessions.find({ where: { user: 'ada' } })).rows;
  deepEqual(await byUser(), []);
  // The entry of the row that expired outlives it, and leads to a row of another user now.
  await db.sessions.insert({ id: '1', user: 'grace' });
  deepEqual(await byUser(), []);
  await db.sessions.insert({ id: '2', user: 'ada' });
  equal((await byUser())[0]?.id, '2');
  await kit.clock.advance(1_000_000);
  ok((await kit.kv().count()) === 1, 'only the catalog is left');
  await kit.close();
});

test('a row keeps the time that is left, gets another one, or lives for ever', async () => {
  const { kit, db } = await sessions();
  await db.sessions.insert({ id: '1', user: 'ada' }, { ttl: 60_000 });
  await db.sessions.insert({ id: '2', user: 'grace' }, { ttl: 60_000 });
  await db.sessions.insert({ id: '3', user: 'alan' });
  await kit.clock.advance(30_000);
  await db.sessions.update('1', { note: 'kept' });
  await db.sessions.update('2', {}, { ttl: null });
  await db.sessions.update('3', {}, { ttl: 10_000 });
  await db.transaction(async (tx) => {
    await tx.sessions.insert({ id: '4', user: 'edsger' }, { ttl: 60_000 });
    await tx.sessions.update('4', { note: 'in one transaction' });
  });
  await kit.clock.advance(40_000);
  const ids = async () => {
    const found: string[] = [];
    for await (const { id } of db.sessions.rows({ scan: true })) found.push(id);
    return found;
  };
  deepEqual(await ids(), ['2', '4']);
  await kit.clock.advance(1_000_000);
  deepEqual(await ids(), ['2']);
  equal((await db.sessions.find({ where: { user: 'grace' } })).rows.length, 1);
  await rejects(db.sessions.insert({ id: '5', user: 'x' }, { ttl: 0.5 }), {
    code: 'invalid-argument',
  });
  await kit.close();
});

test('a live query tells rows that enter, change and leave, and why', async () => {
  const { kit, db } = await opened();
  await db.users.insert(user('acme', '1', { age: 20 }));
  await db.users.insert(user('acme', '2', { age: 10 }));
  const live = db.users.watch({ where: { org: 'acme', age: { gte: 18 } } });
  const events: RowEvent<User>[] = [];
  const told = (async () => {
    for await (const event of live) {
      events.push(event);
      if (event.type === 'synced') break;
    }
    for await (const event of db.users.watch({ where: { org: 'acme', age: { gte: 18 } } })) {
      events.push(event);
      if (events.length === 9) break;
    }
  })();
  while (events.length < 4) await kit.clock.advance(100);
  const changed = await db.users.update(['acme', '1'], { age: 21 });
  await db.users.update(['acme', '2'], { age: 19 });
  await db.users.insert(user('other', '3', { age: 50 }));
  await db.users.update(['acme', '2'], { age: 3 });
  await db.users.delete(['acme', '1']);
  await db.users.insert(user('acme', '4', { age: 60 }), { ttl: 1000 });
  await kit.clock.advance(3000);
  await told;
  const short = events.map((event) => {
    if (event.type === 'synced') return 'synced';
    return `${event.type} ${event.key.join('/')}${event.type === 'leave' ? ` ${event.why}` : ''}`;
  });
  deepEqual(short.slice(0, 8), [
    'enter acme/1',
    'synced',
    'enter acme/1',
    'synced',
    'change acme/1',
    'enter acme/2',
    'leave acme/2 changed',
    'leave acme/1 deleted',
  ]);
  equal(short[8], 'enter acme/4');
  const [, , , , change] = events;
  ok(change?.type === 'change');
  deepEqual([change.row.age, versionOf(change.row)], [21, versionOf(changed)]);
  await kit.close();
});
