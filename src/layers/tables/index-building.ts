/**
 * Builds an index while other processes write: they keep it from the moment at which it is in the
 * catalog, because each of their commits checks the version of the catalog. The build adds entries
 * for the rows that were there before, a page of rows at a time, each page in a transaction that
 * reads the rows. The place behind the last page is stored, so any process can continue.
 */

import { isKvError, type Transaction } from '../../index.ts';
import { type CatalogIndex, withoutIndex, withReady } from './catalog.ts';
import {
  type AnyRow,
  entriesOf,
  hasEntry,
  type IndexEntry,
  nameOfKey,
  placeOfParts,
} from './entries.ts';
import { allRowsOf, partsOf } from './finding.ts';
import { entryPrefix, partsAt, progressKey, rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import { type OpenTable, transact } from './open-table.ts';
import { entryLife } from './row-writer.ts';
import { type DuplicateRows, TableError, textOf } from './table-error.ts';
import { compareBytes, joinBytes } from './tuple.ts';
import { verifyIndex } from './verifying.ts';

/** How far the build of an index has come. */
export interface BuildProgress {
  /** The table. */
  readonly table: string;
  /** The index that is being built. */
  readonly index: string;
  /** What is being done: entries are added, or all of them are checked. */
  readonly phase: 'build' | 'verify';
  /** Rows that are done, those of an earlier attempt included. */
  readonly rows: number;
  /** Rows of the table when this process began. */
  readonly total: number;
}

/** What is stored of a build. */
interface StoredProgress {
  readonly after: Uint8Array | undefined;
  readonly rows: number;
}

/** Builds the index, and makes it ready. Throws `duplicates`, and the index is gone then. */
export async function buildIndex(
  open: OpenTable,
  index: CatalogIndex,
  onProgress: (progress: BuildProgress) => void,
): Promise<void> {
  const { keys, name: table } = open;
  const key = progressKey(table, index.id);
  const total = await keys.count(allRowsOf(table));
  const tell = (phase: BuildProgress['phase'], rows: number) =>
    onProgress({ table, index: index.name, phase, rows, total: Math.max(rows, total) });
  const stored = (await keys.get(key))?.value as StoredProgress | undefined;
  let { after, rows } = stored ?? { after: undefined, rows: 0 };
  const duplicates: DuplicateRows[] = [];
  for (;;) {
    const page = await rowKeysBehind(open, after);
    if (page.length === 0) break;
    duplicates.push(...(await fill(open, index, page)));
    if (duplicates.length >= TABLE_LIMITS.duplicatesKept) break;
    after = page.at(-1);
    rows += page.length;
    // A build that will fail begins anew, or the next one would not see these rows.
    if (duplicates.length === 0) await keys.set(key, { after, rows });
    tell('build', rows);
  }
  if (duplicates.length > 0) {
    await dropIndex(open, index);
    throw duplicateRows(table, index, duplicates);
  }
  const { missing } = await verifyIndex(open, index, (checked) => tell('verify', checked));
  if (missing > 0) {
    await keys.delete(key);
    const what = `${missing} rows lack their entry in index ${index.name} after its build`;
    throw new Error(
      `table ${table}: ${what}; it stays unused, and is built again at the next start`,
    );
  }
  await open.change((catalog) => catalog && withReady(catalog, index.id));
  await keys.delete(key);
}

/** Takes an index out of the catalog, then deletes its entries. */
export async function dropIndex(open: OpenTable, { id }: CatalogIndex): Promise<void> {
  await open.change((catalog) => catalog && withoutIndex(catalog, id));
  await open.keys.clear({ prefix: entryPrefix(open.name, id) });
  await open.keys.delete(progressKey(open.name, id));
}

async function rowKeysBehind(
  { keys, name }: OpenTable,
  after: Uint8Array | undefined,
): Promise<Uint8Array[]> {
  const range = allRowsOf(name);
  const from = after === undefined ? range.from : joinBytes(after, Uint8Array.of(0));
  const found: Uint8Array[] = [];
  const terms = { from, to: range.to, limit: TABLE_LIMITS.buildRows, keys: 'bytes' } as const;
  for await (const key of keys.keys(terms)) found.push(key as Uint8Array);
  return found;
}

/**
 * Adds the entries of some rows; returns those whose value another row has. Half of the rows at a
 * time where writers of the rows are always faster.
 */
async function fill(
  open: OpenTable,
  index: CatalogIndex,
  rowKeys: readonly Uint8Array[],
): Promise<DuplicateRows[]> {
  const isOne = rowKeys.length === 1;
  const options = isOne ? {} : { attempts: TABLE_LIMITS.buildAttempts };
  const filling = (tx: Transaction<unknown>) => fillIn(open, tx, index, rowKeys);
  try {
    return (await transact(open.keys, [open], filling, options)).value;
  } catch (error) {
    if (isOne || !isKvError(error) || error.code !== 'contended') throw error;
    const middle = rowKeys.length >> 1;
    const first = await fill(open, index, rowKeys.slice(0, middle));
    return [...first, ...(await fill(open, index, rowKeys.slice(middle)))];
  }
}

async function fillIn(
  open: OpenTable,
  tx: Transaction<unknown>,
  index: CatalogIndex,
  rowKeys: readonly Uint8Array[],
): Promise<DuplicateRows[]> {
  open.guard(tx);
  const { name: table, catalog } = open;
  if (!catalog.indexes.some(({ id }) => id === index.id)) throw dropped(table, index);
  const wanted: WantedEntry[] = [];
  for (const found of await tx.getMany(rowKeys)) {
    if (found === undefined) continue;
    const row = found.value as AnyRow;
    const place = placeOfParts(table, catalog.key, partsOf(catalog, row));
    const entries = entriesOf(table, [index], row, place);
    wanted.push(...entries.map((entry) => ({ entry, place: place.place, ttl: found.ttl })));
  }
  const owners = await ownersOf(open, tx, wanted);
  const duplicates: DuplicateRows[] = [];
  for (const { entry, place, ttl } of wanted) {
    const name = nameOfKey(entry.key);
    const owner = entry.isSole ? owners.get(name) : undefined;
    if (owner === undefined || compareBytes(owner, place) === 0) {
      tx.set(entry.key, place, entryLife(ttl));
      owners.set(name, place);
    } else duplicates.push({ value: entry.values, keys: [partsAt(owner), partsAt(place)] });
  }
  return duplicates;
}

interface WantedEntry {
  readonly entry: IndexEntry;
  readonly place: Uint8Array;
  readonly ttl: number | undefined;
}

/** The rows that have the unique entries already. An entry may be one of a row that has expired. */
async function ownersOf(
  { name: table, catalog }: OpenTable,
  tx: Transaction<unknown>,
  wanted: readonly WantedEntry[],
): Promise<Map<string, Uint8Array>> {
  const sole = wanted.filter(({ entry }) => entry.isSole).map(({ entry }) => entry);
  const stored = await tx.getMany(sole.map(({ key }) => key));
  const found = sole.flatMap((entry, at) => {
    const owner = stored[at]?.value as Uint8Array | undefined;
    return owner === undefined ? [] : { entry, owner };
  });
  const prefix = rowPrefix(table);
  const rows = await tx.getMany(found.map(({ owner }) => joinBytes(prefix, owner)));
  const alive = found.filter(({ entry: { index, key } }, at) => {
    const row = rows[at]?.value as AnyRow | undefined;
    return row !== undefined && hasEntry(table, catalog.key, index, row, key);
  });
  return new Map(alive.map(({ entry, owner }) => [nameOfKey(entry.key), owner]));
}

function duplicateRows(
  table: string,
  { name }: CatalogIndex,
  duplicates: readonly DuplicateRows[],
): TableError {
  const [{ value, keys } = { value: [], keys: [] }] = duplicates;
  const first = `rows ${keys.map(textOf).join(' and ')} have the value ${textOf(value)}`;
  const more = duplicates.length > 1 ? `, and ${duplicates.length - 1} more are listed` : '';
  const what = `index ${name} cannot be unique: ${first}${more}`;
  const message = `table ${table}: ${what}; no row was changed: make the values differ, open again`;
  const kept = duplicates.slice(0, TABLE_LIMITS.duplicatesKept);
  return new TableError({ code: 'duplicates', table, index: name, message, duplicates: kept });
}

function dropped(table: string, { name }: CatalogIndex): TableError {
  const what = `index ${name} was dropped while it was built; no row was changed`;
  const message = `table ${table}: ${what}`;
  return new TableError({ code: 'index-dropped', table, index: name, message });
}
