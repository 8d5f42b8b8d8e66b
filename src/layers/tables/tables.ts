/** Opens tables on a client, and joins their calls to the layer. */

import type { CallOptions, Client, Space, Transaction } from '../../index.ts';
import type { TableDefinition, TablesSchema } from './definition.ts';
import { checkDefinition } from './definition.ts';
import type { AnyRow } from './entries.ts';
import { partsOf } from './finding.ts';
import { buildIndex, dropIndex } from './index-building.ts';
import { WatchedRows } from './live-rows.ts';
import { OpenTable, transact } from './open-table.ts';
import { type Explanation, keyRange } from './plan.ts';
import { testsOf } from './query.ts';
import { eachRow, explain, findPage, getRow, readerOf, transactionReader } from './row-reading.ts';
import { remember } from './row-version.ts';
import { RowWriter } from './row-writer.ts';
import { TableError, textOf } from './table-error.ts';
import type {
  Database,
  LiveQuery,
  LiveRows,
  OpenTablesOptions,
  Query,
  RowKey,
  RowLifeOptions,
  RowUpdateOptions,
  RowVersionOptions,
  Table,
  TablePage,
  TableRows,
  TransactionTables,
} from './tables-api.ts';
import { keysOf } from './tables-space.ts';
import type { IndexVerification } from './verifying.ts';
import { verifyIndex } from './verifying.ts';

type AnyKey = RowKey<AnyRow, readonly string[]>;
type AnyTable = Table<AnyRow, unknown, readonly string[]>;
type AnyTransactionTable = TableRows<AnyRow, unknown, readonly string[]>;
type Change = object | ((row: AnyRow) => unknown);

/**
 * Opens tables. The first call founds them in the store; later ones compare: another key, or
 * another index of the same name, is refused with `incompatible-schema`. An index that the store
 * does not have is built before the call resolves, while other processes read and write;
 * `onProgress` is told how far it is, and if the process ends, the next call continues.
 *
 * @example
 * ```ts
 * import { openTables, table, unchecked } from 'ringkv/tables';
 * const users = table({
 *   schema: unchecked<{ org: string; id: string; email: string; age: number }>(),
 *   key: ['org', 'id'],
 *   indexes: { email: { on: ['email'], unique: true }, age: { on: ['org', 'age'] } },
 * });
 * const mine = await openTables(kv, { schema: { users } });
 * await mine.users.insert({ org: 'acme', id: '7', email: 'ada@acme.org', age: 36 });
 * const { rows } = await mine.users.find({ where: { org: 'acme', age: { gte: 18 } } });
 * ```
 */
export async function openTables<S extends TablesSchema>(
  kv: Pick<Client, 'space'>,
  { schema, onProgress = () => {} }: OpenTablesOptions<S>,
): Promise<Database<S>> {
  if (typeof kv?.space !== 'function') {
    const message = 'the first argument of openTables must be a client, or one of its spaces';
    throw new TableError({ code: 'invalid-argument', table: '', message });
  }
  const named = Object.entries<TableDefinition>(schema);
  for (const [name, definition] of named) checkDefinition(name, definition);
  const keys = keysOf(kv);
  const tables = named.map(([name, definition]) => new OpenTable({ name, definition, keys }));
  for (const open of tables) {
    await open.open();
    for (const index of open.catalog.indexes) {
      const isDeclared = Object.hasOwn(open.definition.indexes, index.name);
      if (index.state === 'building' && isDeclared) await buildIndex(open, index, onProgress);
    }
  }
  const rooms = tables.map((open) => [open.name, new StoredTable(open)] as const);
  const transaction = <R>(
    work: (tx: TransactionTables<S>) => Promise<R> | R,
    options: CallOptions = {},
  ) => runTogether(keys, tables, work as (tx: object) => Promise<R> | R, options);
  return { ...Object.fromEntries(rooms), transaction } as unknown as Database<S>;
}

async function runTogether<R>(
  keys: Space<unknown>,
  tables: readonly OpenTable[],
  work: (tx: object) => Promise<R> | R,
  options: CallOptions,
): Promise<R> {
  const run = async (tx: Transaction<unknown>) => {
    const turns = new Turns();
    const all = tables.map((open) => [open.name, new TableInTransaction(open, tx, turns)] as const);
    return work(Object.fromEntries(all));
  };
  return (await transact(keys, tables, run, options)).value;
}

class StoredTable implements AnyTable {
  readonly #open: OpenTable;

  constructor(open: OpenTable) {
    this.#open = open;
  }

  async get(key: AnyKey, options: CallOptions = {}): Promise<AnyRow | undefined> {
    return getRow(this.#source(options), keyParts(this.#open, key));
  }

  insert(row: unknown, options: RowLifeOptions & CallOptions = {}): Promise<AnyRow> {
    return this.#write((writer) => writer.insert(row, options), options);
  }

  upsert(row: unknown, options: RowLifeOptions & CallOptions = {}): Promise<AnyRow> {
    return this.#write((writer) => writer.upsert(row, options), options);
  }

  async update(key: AnyKey, change: Change, options: RowUpdateOptions & CallOptions = {}) {
    const parts = keyParts(this.#open, key);
    return this.#write((writer) => writer.update(parts, change, options), options);
  }

  async delete(key: AnyKey, options: RowVersionOptions & CallOptions = {}): Promise<boolean> {
    const parts = keyParts(this.#open, key);
    const { value } = await this.#transact(
      (writer) => writer.delete(parts, options.ifVersion),
      options,
    );
    return value;
  }

  async find(query: Query<AnyRow> & CallOptions = {}): Promise<TablePage<AnyRow>> {
    return findPage(this.#source(query), query);
  }

  rows(query: Query<AnyRow> & CallOptions = {}): AsyncGenerator<AnyRow, void, undefined> {
    return eachRow(this.#source(query), query);
  }

  explain(query: Query<AnyRow> = {}): Explanation {
    return explain(this.#open.name, this.#open.catalog, query);
  }

  watch({ where, signal }: LiveQuery<AnyRow> = {}): LiveRows<AnyRow> {
    const { name: table, catalog, keys } = this.#open;
    const tests = testsOf(table, where);
    const range = keyRange(table, catalog, tests);
    const ending = signal === undefined ? {} : { signal };
    const watch = keys.watch<unknown>({ ...range, keys: 'bytes', ...ending });
    return new WatchedRows({ table, watch, tests });
  }

  async verify(): Promise<readonly IndexVerification[]> {
    await this.#open.reload();
    const found: IndexVerification[] = [];
    for (const index of this.#open.catalog.indexes) {
      if (index.state === 'ready') found.push(await verifyIndex(this.#open, index, () => {}));
    }
    return found;
  }

  async dropIndex(name: string): Promise<void> {
    await this.#open.reload();
    const index = this.#open.catalog.indexes.find((one) => one.name === name);
    if (index !== undefined) return dropIndex(this.#open, index);
    const { name: table, catalog } = this.#open;
    const known = catalog.indexes.map((one) => one.name).join(', ') || 'none';
    const message = `table ${table} has no index ${textOf(name)}; its indexes: ${known}`;
    throw new TableError({ code: 'invalid-argument', table, message });
  }

  #source(options: CallOptions) {
    const { timeout, signal } = options;
    const call = { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) };
    const catalog = () => this.#open.catalog;
    return { table: this.#open.name, catalog, reader: readerOf(this.#open, call) };
  }

  async #write(work: (writer: RowWriter) => Promise<AnyRow>, options: CallOptions) {
    const details = await this.#transact(async (writer) => {
      const row = await work(writer);
      return { row, key: writer.placeOf(row).key };
    }, options);
    const { row, key } = details.value;
    return remember(row, details.versionOf(key));
  }

  #transact<T>(work: (writer: RowWriter) => Promise<T>, { timeout, signal }: CallOptions) {
    const call = { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) };
    const open = this.#open;
    return transact(open.keys, [open], (tx) => work(writerIn(open, tx)), call);
  }
}

/** Calls of one transaction one after the other: two of them must not both find a value free. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

class TableInTransaction implements AnyTransactionTable {
  readonly #open: OpenTable;
  readonly #tx: Transaction<unknown>;
  readonly #turns: Turns;
  #known: Known | undefined;

  constructor(open: OpenTable, tx: Transaction<unknown>, turns: Turns) {
    this.#open = open;
    this.#tx = tx;
    this.#turns = turns;
  }

  async get(key: AnyKey): Promise<AnyRow | undefined> {
    const parts = keyParts(this.#open, key);
    return this.#turns.take(() => getRow(this.#use.source, parts));
  }

  insert(row: unknown, options: RowLifeOptions = {}): Promise<AnyRow> {
    return this.#turns.take(() => this.#use.writer.insert(row, options));
  }

  upsert(row: unknown, options: RowLifeOptions = {}): Promise<AnyRow> {
    return this.#turns.take(() => this.#use.writer.upsert(row, options));
  }

  async update(key: AnyKey, change: Change, options: RowUpdateOptions = {}): Promise<AnyRow> {
    const parts = keyParts(this.#open, key);
    return this.#turns.take(() => this.#use.writer.update(parts, change, options));
  }

  async delete(key: AnyKey, { ifVersion }: RowVersionOptions = {}): Promise<boolean> {
    const parts = keyParts(this.#open, key);
    return this.#turns.take(() => this.#use.writer.delete(parts, ifVersion));
  }

  find(query: Query<AnyRow> = {}): Promise<TablePage<AnyRow>> {
    return this.#turns.take(() => findPage(this.#use.source, query));
  }

  rows(query: Query<AnyRow> = {}): AsyncGenerator<AnyRow, void, undefined> {
    return eachRow(this.#use.source, query);
  }

  explain(query: Query<AnyRow> = {}): Explanation {
    return explain(this.#open.name, this.#use.source.catalog(), query);
  }

  /** Guards the transaction by the catalog that all its calls on the table use. */
  get #use(): Known {
    this.#known ??= known(this.#open, this.#tx);
    return this.#known;
  }
}

interface Known {
  readonly source: Parameters<typeof findPage>[0];
  readonly writer: RowWriter;
}

function known(open: OpenTable, tx: Transaction<unknown>): Known {
  const writer = writerIn(open, tx);
  const { catalog, name: table } = open;
  return { source: { table, catalog: () => catalog, reader: transactionReader(tx) }, writer };
}

function writerIn(open: OpenTable, tx: Transaction<unknown>): RowWriter {
  open.guard(tx);
  const { name: table, definition, catalog } = open;
  return new RowWriter({ table, definition, catalog, tx });
}

/** The values of the fields of a key, in whatever form the caller gave it. */
function keyParts({ name: table, catalog }: OpenTable, key: unknown): readonly unknown[] {
  const fields = catalog.key;
  if (Array.isArray(key)) {
    if (key.length === fields.length) return key;
  } else if (typeof key !== 'object' || key instanceof Uint8Array || key instanceof Date) {
    if (fields.length === 1) return [key];
  } else if (key !== null && fields.every((field) => Object.hasOwn(key, field))) {
    return partsOf(catalog, key as AnyRow);
  }
  const allowed = `a key has the fields ${fields.join(', ')}, as an object or as a list`;
  const message = `table ${table}: ${textOf(key)} is no key; ${allowed}; nothing was sent`;
  throw new TableError({ code: 'invalid-argument', table, message });
}
