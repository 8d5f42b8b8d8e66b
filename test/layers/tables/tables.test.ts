/** Tables of `ringkv/tables` in memory: rows, unique values, queries, transactions. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import {
  definitionOf,
  describeTables,
  isTableError,
  openTables,
  versionOf,
} from '../../../src/tables.ts';
import { testkit } from '../../../src/testkit.ts';
import { opened, schema, user } from './support/people.ts';

const ADA = user('acme', '1', { email: 'ada@acme.org', age: 36, tags: ['math', 'poetry'] });
const GRACE = user('acme', '2', { email: 'grace@acme.org', age: 41, tags: ['navy', 'math'] });
const ALAN = user('bletchley', '1', { email: 'alan@bletchley.uk', age: 41 });

async function peopled() {
  const at = await opened();
  for (const row of [ADA, GRACE, ALAN]) await at.db.users.insert(row);
  return at;
}

test('a row is inserted once, read by its key in any form, changed and deleted', async () => {
  const { kit, db } = await opened();
  deepEqual(await db.users.insert(ADA), ADA);
  await rejects(db.users.insert({ ...ADA, age: 1 }), { code: 'row-exists', table: 'users' });
  deepEqual(await db.users.get(['acme', '1']), ADA);
  deepEqual(await db.users.get({ org: 'acme', id: '1' }), ADA);
  deepEqual(await db.users.get(ADA), ADA);
  equal(await db.users.get(['acme', '9']), undefined);
  deepEqual(await db.users.update(ADA, { age: 37 }), { ...ADA, age: 37 });
  const older = await db.users.update(ADA, (row) => ({ ...row, age: row.age + 1 }));
  equal(older.age, 38);
  await rejects(db.users.update(['acme', '9'], { age: 1 }), { code: 'row-missing' });
  await rejects(db.users.update(ADA, { id: '2' }), { code: 'invalid-argument' });
  deepEqual(await db.users.upsert({ ...ADA, age: 40 }), { ...ADA, age: 40 });
  equal(await db.users.delete(ADA), true);
  equal(await db.users.delete(ADA), false);
  equal(await db.users.get(ADA), undefined);
  await kit.close();
});

test('a stale version is refused, and a row has the version that it was read with', async () => {
  const { kit, db } = await peopled();
  const ada = await db.users.get(ADA);
  ok(ada);
  const written = await db.users.update(ada, { age: 37 }, { ifVersion: versionOf(ada) });
  const stale = { ifVersion: versionOf(ada) };
  await rejects(db.users.update(ada, { age: 50 }, stale), { code: 'row-changed' });
  await rejects(db.users.delete(ada, stale), { code: 'row-changed' });
  equal((await db.users.get(ada))?.age, 37);
  await db.users.update(ada, { age: 38 }, { ifVersion: versionOf(written) });
  const { rows } = await db.users.find({ where: { email: 'ada@acme.org' } });
  equal(await db.users.delete(ada, { ifVersion: versionOf(rows[0] ?? {}) }), true);
  throws(() => versionOf({ ...ada }), { code: 'invalid-argument' });
  await kit.close();
});

test('a violation of the schema names table, field, value and rule', async () => {
  const { kit, db } = await peopled();
  const error = await db.users.insert({ ...ADA, id: '3', age: -1 }).catch((caught) => caught);
  ok(isTableError(error));
  equal(error.code, 'schema-violation');
  deepEqual(error.issues, [{ field: 'age', value: -1, rule: 'must be at least 0' }]);
  equal(
    error.message,
    'table users: the schema refuses the row; nothing was written; age is -1: must be at least 0',
  );
  await rejects(db.users.update(ADA, { age: -5 }), { code: 'schema-violation' });
  equal((await db.users.get(ADA))?.age, 36);
  equal(await db.users.get(['acme', '3']), undefined);
  await kit.close();
});

test('a unique value has one row, and the error names the other one', async () => {
  const { kit, db } = await peopled();
  const twin = user('other', '7', { email: ADA.email });
  const error = await db.users.insert(twin).catch((caught) => caught);
  ok(isTableError(error));
  deepEqual(
    [error.code, error.index, error.otherKey],
    ['unique-violation', 'email', ['acme', '1']],
  );
  equal(
    error.message,
    'table users: index email is unique, and the row ["acme","1"] has the value ' +
      '["ada@acme.org"]; nothing was written',
  );
  await rejects(db.users.update(GRACE, { email: ADA.email }), { code: 'unique-violation' });
  deepEqual(await db.users.get(GRACE), GRACE);
  await db.users.update(ADA, { email: 'new@acme.org' });
  await db.users.insert(twin);
  await db.users.delete(twin);
  await db.users.update(GRACE, { email: ADA.email });
  const without = user('a', '1', { email: undefined });
  await db.users.insert(without);
  await db.users.insert({ ...without, id: '2' });
  const { rows } = await db.users.find({ where: { email: null }, limit: 10 });
  deepEqual(
    rows.map(({ id }) => id),
    ['1', '2'],
  );
  await kit.close();
});

test('of two inserts with one unique value at the same time one succeeds', async () => {
  const kit = await testkit({ nodes: 3, shards: 5 });
  const clients = [kit.kv(), await kit.connect()];
  const both = await Promise.all(clients.map((kv) => openTables(kv, { schema })));
  for (let round = 0; round < 8; round++) {
    const email = `round-${round}@acme.org`;
    const ends = await Promise.allSettled(
      both.map((db, at) => db.users.insert(user(`org-${at}`, String(round), { email }))),
    );
    const codes = ends.map((end) => (end.status === 'fulfilled' ? 'ok' : end.reason.code)).sort();
    deepEqual(codes, ['ok', 'unique-violation']);
  }
  await kit.close();
});

test('two writes of one transaction at once do not both take a unique value', async () => {
  const { kit, db } = await opened();
  const both = db.transaction((tx) =>
    Promise.all([tx.users.insert(ADA), tx.users.insert(user('other', '7', { email: ADA.email }))]),
  );
  await rejects(both, { code: 'unique-violation' });
  equal(await db.users.get(ADA), undefined);
  await kit.close();
});

test('find uses the key, an index or a scan, and explains which', async () => {
  const { kit, db } = await peopled();
  const text = (query: Parameters<typeof db.users.find>[0]) => db.users.explain(query).text;
  equal(text({ where: { org: 'acme', id: '1' } }), 'users: key, equal org, id, one shard');
  equal(text({ where: { org: 'acme' } }), 'users: key, equal org, one shard');
  equal(text({ where: { email: 'a' } }), 'users: index email, equal email, one shard');
  equal(
    text({ where: { org: 'acme', age: { gte: 18 } }, orderBy: 'age' }),
    'users: index age, equal org, range of age, one shard',
  );
  equal(text({ where: { tags: { has: 'math' } } }), 'users: index tag, equal tags, one shard');
  equal(
    text({ where: { org: 'acme' }, orderBy: 'name' }),
    'users: key, equal org, sort in memory, one shard',
  );
  equal(text({ limit: 2 }), 'users: scan, all shards');
  equal(text({ where: { name: 'x' }, scan: true }), 'users: scan, filter name, all shards');
  throws(() => text({ where: { name: 'x' } }), {
    code: 'no-index',
    message:
      'table users: only a scan of all rows answers a query on name; nothing was read: ' +
      'declare an index { on: ["name"] }, or allow it with { scan: true }',
  });
  await rejects(db.users.find({ where: { age: { gt: 3 } } }), { code: 'no-index' });
  await rejects(db.users.find(), { code: 'no-index' });
  await kit.close();
});

test('conditions and orders find what they say', async () => {
  const { kit, db } = await peopled();
  const ids = async (query: Parameters<typeof db.users.find>[0]) =>
    (await db.users.find(query)).rows.map(({ org, id }) => `${org}/${id}`);
  deepEqual(await ids({ where: { org: 'acme', age: { gt: 36 } } }), ['acme/2']);
  deepEqual(await ids({ where: { org: 'acme', age: { gte: 36, lt: 41 } } }), ['acme/1']);
  deepEqual(await ids({ where: { org: 'acme', age: { lte: 41 } } }), ['acme/1', 'acme/2']);
  deepEqual(await ids({ where: { org: 'acme' }, orderBy: 'age', reverse: true }), [
    'acme/2',
    'acme/1',
  ]);
  deepEqual(await ids({ where: { tags: { has: 'math' } } }), ['acme/1', 'acme/2']);
  deepEqual(await ids({ where: { org: { gte: 'b' } } }), ['bletchley/1']);
  deepEqual(await ids({ where: { org: { startsWith: 'ac' }, age: 41 } }), ['acme/2']);
  deepEqual(await ids({ where: { email: { startsWith: 'a' } } }), ['acme/1', 'bletchley/1']);
  deepEqual(await ids({ where: { age: 41 }, orderBy: ['name', 'org'], scan: true }), [
    'bletchley/1',
    'acme/2',
  ]);
  const refused = { code: 'invalid-argument' };
  await rejects(db.users.find({ where: { org: undefined } as never }), refused);
  await rejects(db.users.find({ where: { org: { like: 'a' } } as never }), refused);
  await rejects(db.users.find({ limt: 3 } as never), refused);
  await rejects(db.users.find({ limit: 0 }), refused);
  await kit.close();
});

test('pages follow each other without a gap or a row twice, also among equal values', async () => {
  const { kit, db } = await opened();
  const all = Array.from({ length: 25 }, (_, at) =>
    user('acme', String(at), { email: undefined, age: at % 3 }),
  );
  for (const row of all) await db.users.insert(row);
  for (const reverse of [false, true]) {
    for (const orderBy of ['age', 'name'] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { where: { org: 'acme' }, orderBy, reverse, limit: 4, cursor };
        const page = await db.users.find(query);
        seen.push(...page.rows.map(({ id }) => id));
        ok(page.cursor === undefined || page.rows.length === 4);
        cursor = page.cursor;
      } while (cursor !== undefined);
      deepEqual([...seen].sort(), all.map(({ id }) => id).sort(), `${orderBy} ${reverse}`);
    }
  }
  const { cursor } = await db.users.find({ where: { org: 'acme' }, orderBy: 'age', limit: 4 });
  const other = [
    { where: { org: 'other' }, orderBy: 'age' },
    { where: { org: 'acme' }, orderBy: 'id' },
    { where: { org: 'acme' }, orderBy: 'age', reverse: true },
  ] as const;
  for (const query of other) {
    await rejects(db.users.find({ ...query, cursor }), { code: 'bad-cursor' });
  }
  await rejects(db.users.find({ limit: 1, cursor: 'nonsense' }), { code: 'bad-cursor' });
  await kit.close();
});

test('a transaction over tables takes effect as a whole, and reads what it wrote', async () => {
  const { kit, db } = await peopled();
  await db.transaction(async (tx) => {
    await tx.users.update(ADA, { age: 99 });
    const { rows } = await tx.users.find({ where: { org: 'acme', age: { gt: 90 } } });
    equal(rows.length, 1);
    await tx.orders.insert({ id: 1n, user: rows[0]?.email ?? '', at: new Date(5), total: 9.5 });
  });
  deepEqual(await db.orders.get(1n), { id: 1n, user: ADA.email, at: new Date(5), total: 9.5 });
  const failed = db.transaction(async (tx) => {
    await tx.orders.insert({ id: 2n, user: 'x', at: new Date(6), total: 1 });
    await tx.users.insert(GRACE);
  });
  await rejects(failed, { code: 'row-exists' });
  equal(await db.orders.get(2n), undefined);
  deepEqual(
    (await db.orders.find({ where: { user: 'ada@acme.org' } })).rows.map(({ id }) => id),
    [1n],
  );
  await kit.close();
});

test('a tool finds the tables of a store, and opens them without their schema', async () => {
  const { kit, db } = await peopled();
  const [orders, users] = await describeTables(kit.kv());
  deepEqual(orders, {
    name: 'orders',
    key: ['id'],
    indexes: [{ name: 'user', on: ['user', 'at'], unique: false, each: false, state: 'ready' }],
  });
  ok(users);
  const tool = await openTables(kit.kv(), { schema: { users: definitionOf(users) } });
  const query = { where: { email: ADA.email } };
  deepEqual((await tool.users.find(query)).rows, [ADA]);
  equal(tool.users.explain(query).index, 'email');
  await tool.users.update(['acme', '1'], { email: 'tool@acme.org' });
  equal((await db.users.find({ where: { email: 'tool@acme.org' } })).rows.length, 1);
  deepEqual(await describeTables(kit.kv().space('tenant')), []);
  await kit.close();
});
