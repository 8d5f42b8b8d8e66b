/** Indexes of tables with rows: built beside writers, resumable, verified, or refused. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import {
  type BuildProgress,
  isTableError,
  openTables,
  type TableDefinition,
  table,
  unchecked,
} from '../../../src/tables.ts';
import { testkit } from '../../../src/testkit.ts';
import { byEffort } from '../../support/effort.ts';

interface Item {
  readonly id: string;
  readonly group: number;
  readonly code?: string;
}

const plain = table({ schema: unchecked<Item>(), key: ['id'] });
const grouped = table({
  schema: unchecked<Item>(),
  key: ['id'],
  indexes: { group: { on: ['group'] } },
});
const coded = table({
  schema: unchecked<Item>(),
  key: ['id'],
  indexes: { code: { on: ['code'], unique: true } },
});

async function filled(count: number, codeOf: (at: number) => string = (at) => `c${at}`) {
  const kit = await testkit({ shards: 4 });
  const db = await openTables(kit.kv(), { schema: { items: plain } });
  const rows = Array.from({ length: count }, (_, at) => at);
  const name = (at: number) => String(at).padStart(4, '0');
  await Promise.all(
    rows.map((at) => db.items.insert({ id: name(at), group: at % 5, code: codeOf(at) })),
  );
  return { kit, db };
}

test('an index of a table with rows is built and verified when it is opened', async () => {
  const { kit, db } = await filled(100);
  const told: BuildProgress[] = [];
  const onProgress = (progress: BuildProgress) => void told.push(progress);
  const next = await openTables(kit.kv(), { schema: { items: grouped }, onProgress });
  const { rows } = await next.items.find({ where: { group: 3 } });
  equal(rows.length, 20);
  equal(next.items.explain({ where: { group: 3 } }).index, 'group');
  deepEqual(await next.items.verify(), [{ index: 'group', entries: 100, missing: 0, stale: 0 }]);
  const built = told.filter(({ phase }) => phase === 'build').at(-1);
  deepEqual(built, { table: 'items', index: 'group', phase: 'build', rows: 100, total: 100 });
  ok(told.some(({ phase, rows: done }) => phase === 'verify' && done === 100));
  // The former process has not heard of the index, and keeps it all the same.
  await db.items.insert({ id: 'late', group: 3 });
  await db.items.update('0003', { group: 4 });
  await db.items.delete('0008');
  equal((await next.items.find({ where: { group: 3 } })).rows.length, 19);
  await openTables(kit.kv(), { schema: { items: grouped }, onProgress: () => ok(false) });
  await kit.close();
});

test('writers go on while an index is built, and it misses none of their writes', async () => {
  for (let seed = 1; seed <= byEffort({ brief: 1, full: 3 }); seed++) {
    const random = new Random(seed);
    const { kit, db } = await filled(80);
    let isBuilding = true;
    const write = async () => {
      while (isBuilding) {
        const id = String(random.below(100)).padStart(4, '0');
        const row = { id, group: random.below(5), code: `w${random.below(1e9)}` };
        if (random.chance(0.3)) await db.items.delete(id);
        else await db.items.upsert(row);
      }
    };
    const writers = [write(), write(), write()];
    const indexes = { ...grouped.indexes, ...coded.indexes };
    const both = { ...grouped, indexes } as typeof grouped;
    const other = await kit.connect();
    const next = await openTables(other, { schema: { items: both } });
    isBuilding = false;
    await Promise.all(writers);
    for (const { missing, stale } of await next.items.verify()) deepEqual([missing, stale], [0, 0]);
    let count = 0;
    for (let group = 0; group < 5; group++) {
      for await (const row of next.items.rows({ where: { group } })) {
        deepEqual(await next.items.get(row.id), row);
        count += 1;
      }
    }
    let all = 0;
    for await (const _ of next.items.rows({ scan: true })) all += 1;
    equal(count, all, `seed ${seed}`);
    await kit.close();
  }
});

test('a unique index over equal values lists them, and changes nothing', async () => {
  const { kit, db } = await filled(60, (at) => (at === 50 ? 'c7' : at === 51 ? 'c8' : `c${at}`));
  const failure = await openTables(kit.kv(), { schema: { items: coded } }).catch((error) => error);
  ok(isTableError(failure));
  deepEqual([failure.code, failure.index], ['duplicates', 'code']);
  deepEqual(failure.duplicates, [
    { value: ['c7'], keys: [['0007'], ['0050']] },
    { value: ['c8'], keys: [['0008'], ['0051']] },
  ]);
  // All that is left of it is the rows and the catalog.
  equal(await kit.kv().count(), 61);
  await db.items.insert({ id: 'x', group: 1, code: 'c7' });
  await db.items.delete('x');
  await db.items.update('0050', { code: 'c50' });
  await db.items.update('0051', { code: 'c51' });
  const next = await openTables(kit.kv(), { schema: { items: coded } });
  await rejects(next.items.insert({ id: 'x', group: 1, code: 'c7' }), { otherKey: ['0007'] });
  await kit.close();
});

test('the entry of a row that has expired is no duplicate', async () => {
  const { kit } = await filled(60, (at) => (at === 50 ? 'v' : `c${at}`));
  const first = await kit.connect();
  const onProgress = () => void first.close();
  await rejects(openTables(first, { schema: { items: coded }, onProgress }), { code: 'closed' });
  const db = await openTables(kit.kv(), { schema: { items: plain } });
  await db.items.insert({ id: 'x', group: 1, code: 'v' }, { ttl: 1000 });
  await kit.clock.advance(5000);
  await db.items.insert({ id: 'x', group: 1, code: 'w' });
  const next = await openTables(kit.kv(), { schema: { items: coded } });
  equal((await next.items.find({ where: { code: 'v' } })).rows[0]?.id, '0050');
  await kit.close();
});

test('a build that was cut off is continued by another process', async () => {
  const { kit } = await filled(120);
  const first = await kit.connect();
  let cuts = 0;
  const opening = openTables(first, {
    schema: { items: grouped },
    onProgress: ({ rows }) => {
      if (rows < 60 || cuts > 0) return;
      cuts += 1;
      void first.close();
    },
  });
  await rejects(opening, { code: 'closed' });
  const told: number[] = [];
  const onProgress = ({ phase, rows }: BuildProgress) => {
    if (phase === 'build') told.push(rows);
  };
  const next = await openTables(kit.kv(), { schema: { items: grouped }, onProgress });
  ok((told[0] ?? 0) > 60, `it began behind ${told[0]} rows`);
  equal(told.at(-1), 120);
  equal((await next.items.find({ where: { group: 2 } })).rows.length, 24);
  await kit.close();
});

test('an index that is being built is kept, and no query uses it', async () => {
  const { kit } = await filled(40);
  const first = await kit.connect();
  const onProgress = () => void first.close();
  await rejects(openTables(first, { schema: { items: grouped }, onProgress }), { code: 'closed' });
  const db = await openTables(kit.kv(), { schema: { items: plain } });
  const query = { where: { group: 1 } };
  await rejects(db.items.find(query), { code: 'no-index' });
  equal((await db.items.find({ ...query, scan: true })).rows.length, 8);
  await db.items.insert({ id: 'new', group: 1 });
  const next = await openTables(kit.kv(), { schema: { items: grouped } });
  equal((await next.items.find(query)).rows.length, 9);
  await kit.close();
});

test('a dropped index is no longer used, also by processes that had planned with it', async () => {
  const { kit } = await filled(30);
  const db = await openTables(kit.kv(), { schema: { items: grouped } });
  const other = await openTables(await kit.connect(), { schema: { items: grouped } });
  equal((await other.items.find({ where: { group: 1 } })).rows.length, 6);
  await db.items.dropIndex('group');
  await rejects(other.items.find({ where: { group: 1 } }), { code: 'no-index' });
  await rejects(db.items.dropIndex('group'), { code: 'invalid-argument' });
  await other.items.insert({ id: 'x', group: 1 });
  const again = await openTables(kit.kv(), { schema: { items: grouped } });
  equal((await again.items.find({ where: { group: 1 } })).rows.length, 7);
  await kit.close();
});

test('a schema that does not fit the store is refused, and nothing is changed', async () => {
  const { kit, db } = await filled(1);
  const open = (items: TableDefinition) => openTables(kit.kv(), { schema: { items } });
  await open(grouped);
  const code = 'incompatible-schema';
  await rejects(open({ ...plain, key: ['group', 'id'] }), { code, table: 'items' });
  const unique = { group: { on: ['group'], unique: true } } as const;
  await rejects(open({ ...plain, indexes: unique }), { code, index: 'group' });
  await rejects(open({ ...plain, indexes: { group: { on: ['group', 'id'] } } }), { code });
  await db.items.insert({ id: 'a', group: 1 });
  const refused = { code: 'invalid-argument' };
  await rejects(open({ ...plain, key: [] as never }), refused);
  await rejects(open({ ...plain, key: ['id', 'id'] }), refused);
  await rejects(open({ ...plain, ttl: -1 }), refused);
  await rejects(open({ ...plain, schema: {} as never }), refused);
  await rejects(openTables(kit.kv(), { schema: { 'a:b': plain } }), refused);
  await rejects(openTables(kit.kv(), { schema: { transaction: plain } }), refused);
  await kit.close();
});
