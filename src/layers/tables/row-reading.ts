/** `get`, `find` and `rows`, in a transaction or outside. */

import type { CallOptions, Key, Transaction } from '../../index.ts';
import type { TableCatalog } from './catalog.ts';
import { badCursor, checkPlace, cursorOf, placeIn } from './cursor.ts';
import { type AnyRow, placeOfParts } from './entries.ts';
import { type RowReader, type ServedRow, type StoredEntryAt, serve } from './finding.ts';
import { TABLE_LIMITS } from './limits.ts';
import type { OpenTable } from './open-table.ts';
import { type AccessPlan, type CheckedQuery, type Explanation, explained, planOf } from './plan.ts';
import { testsOf } from './query.ts';
import { remember } from './row-version.ts';
import { isTableError, TableError, textOf } from './table-error.ts';
import type { Query, TablePage } from './tables-api.ts';

/** What a query reads: the rows of a table as of one catalog. */
interface RowSource {
  readonly table: string;
  /** Of the moment of the call: it may have changed since the last one. */
  readonly catalog: () => TableCatalog;
  readonly reader: RowReader;
}

/** Outside of transactions. */
export function readerOf(open: OpenTable, options: CallOptions): RowReader {
  const { keys } = open;
  return {
    getMany: (wanted) => keys.getMany(wanted, options),
    scan: ({ from, to, isReverse: reverse, limit }) => {
      const most = limit === undefined ? {} : { limit };
      const terms = { from, to, reverse, keys: 'bytes', ...most, ...options } as const;
      return keys.scan(terms) as AsyncIterable<StoredEntryAt>;
    },
    getManyOf: async (index, wanted) => {
      // Read behind the entries: an index that is still there was there when they were read.
      const all: readonly Key[] = [open.catalogKey, ...wanted];
      const [catalog, ...rows] = await keys.getMany(all, options);
      if (catalog?.version !== open.version) await open.reload();
      const isThere = open.catalog.indexes.some(
        ({ id, state }) => id === index && state === 'ready',
      );
      if (isThere) return rows;
      const message = `table ${open.name}: the index was dropped while it was read; ask again`;
      throw new TableError({ code: 'index-dropped', table: open.name, message });
    },
  };
}

/** In a transaction, which is guarded by the catalog. */
export function transactionReader(tx: Transaction<unknown>): RowReader {
  return {
    getMany: (wanted) => tx.getMany(wanted),
    scan: ({ from, to, isReverse: reverse, limit }) => {
      const most = limit === undefined ? {} : { limit };
      return tx.scan({ from, to, reverse, keys: 'bytes', ...most }) as AsyncIterable<StoredEntryAt>;
    },
    getManyOf: (_, wanted) => tx.getMany(wanted),
  };
}

export async function getRow(
  { table, catalog, reader }: RowSource,
  parts: readonly unknown[],
): Promise<AnyRow | undefined> {
  const { key } = placeOfParts(table, catalog().key, parts);
  const [found] = await reader.getMany([key]);
  return found && remember(found.value as AnyRow, found.version);
}

export async function findPage(
  source: RowSource,
  query: Query<AnyRow>,
): Promise<TablePage<AnyRow>> {
  const limit = limitOf(source.table, query.limit);
  const question = questionOf(source.table, query);
  return whileIndexesStay(async () => {
    const { plan, rows } = reading(source, question, query.cursor, limit + 1);
    const served: ServedRow[] = [];
    for await (const one of rows) {
      served.push(one);
      if (served.length > limit) break;
    }
    const last = served[limit - 1];
    const isMore = served.length > limit && last !== undefined;
    const path = plan.index?.id ?? 0;
    const cursor = isMore
      ? cursorOf({ path, order: plan.order, position: last.position }, question)
      : undefined;
    return { rows: served.slice(0, limit).map(({ row }) => row), cursor };
  });
}

/** All rows, or as many as `limit` says. */
export async function* eachRow(
  source: RowSource,
  query: Query<AnyRow>,
): AsyncGenerator<AnyRow, void, undefined> {
  const limit = query.limit === undefined ? undefined : limitOf(source.table, query.limit);
  const question = questionOf(source.table, query);
  let count = 0;
  for (;;) {
    try {
      for await (const { row } of reading(source, question, query.cursor, limit).rows) {
        yield row;
        count += 1;
        if (count === limit) return;
      }
      return;
    } catch (error) {
      // Rows that were returned cannot be taken back.
      if (!isDropped(error) || count > 0) throw error;
    }
  }
}

export function explain(table: string, catalog: TableCatalog, query: Query<AnyRow>): Explanation {
  const plan = planOf(table, catalog, questionOf(table, query));
  if (plan === undefined) throw badCursor(table);
  return explained(table, plan);
}

function reading(
  { table, catalog, reader }: RowSource,
  question: CheckedQuery,
  cursor: string | undefined,
  wanted: number | undefined,
): { readonly plan: AccessPlan; readonly rows: AsyncGenerator<ServedRow, void, undefined> } {
  const after = cursor === undefined ? undefined : placeIn(table, cursor, question);
  const known = catalog();
  const plan = planOf(table, known, question, after?.path);
  if (plan === undefined || (after !== undefined && after.order !== plan.order)) {
    throw badCursor(table);
  }
  if (after !== undefined) checkPlace(table, after, plan);
  const { orderBy, isReverse } = question;
  const terms = { table, catalog: known, reader, plan, orderBy, isReverse, after, wanted };
  return { plan, rows: serve(terms) };
}

/** A plan that was made before an index was dropped is made again. */
async function whileIndexesStay<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isDropped(error) || tries === TABLE_LIMITS.reloadsMax) throw error;
    }
  }
}

function isDropped(error: unknown): boolean {
  return isTableError(error) && error.code === 'index-dropped';
}

const QUERY_OPTIONS = [
  'where',
  'orderBy',
  'reverse',
  'limit',
  'cursor',
  'scan',
  'timeout',
  'signal',
];

function questionOf(table: string, query: Query<AnyRow>): CheckedQuery {
  const unknown = Object.keys(query).find((name) => !QUERY_OPTIONS.includes(name));
  if (unknown !== undefined) {
    const what = `a query has no option ${textOf(unknown)}; known are ${QUERY_OPTIONS.join(', ')}`;
    throw new TableError({ code: 'invalid-argument', table, message: `table ${table}: ${what}` });
  }
  const { where, orderBy = [], reverse = false, limit, scan = false } = query;
  return {
    tests: testsOf(table, where),
    orderBy: typeof orderBy === 'string' ? [orderBy] : orderBy,
    isReverse: reverse,
    limit,
    mayScan: scan,
  };
}

function limitOf(table: string, limit: number = TABLE_LIMITS.pageRowsDefault): number {
  const max = TABLE_LIMITS.pageRowsMax;
  if (Number.isSafeInteger(limit) && limit > 0 && limit <= max) return limit;
  const message = `table ${table}: limit must be a whole number from 1 to ${max} (got ${limit})`;
  throw new TableError({ code: 'invalid-argument', table, message });
}
