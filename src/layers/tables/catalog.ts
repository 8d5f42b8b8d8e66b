/** The catalog of a table in the store: its key and its indexes, and the state of each index. */

import type { IndexDefinition, TableDefinition } from './definition.ts';
import { TABLE_LIMITS } from './limits.ts';
import { TableError, textOf } from './table-error.ts';

/**
 * An index as the catalog knows it. All processes that write rows keep it, also those whose schema
 * lacks it.
 */
export interface CatalogIndex {
  readonly name: string;
  /** Never used again, so entries of a dropped index are never taken for those of another one. */
  readonly id: number;
  readonly on: readonly string[];
  readonly isUnique: boolean;
  readonly isEach: boolean;
  /**
   * - `building`: every write keeps it, and rows that were there before may lack entries.
   * - `ready`: it has the entries of all rows; only then queries use it.
   */
  readonly state: 'building' | 'ready';
}

export interface TableCatalog {
  /** Of this document. A higher one is of a newer release of the package. */
  readonly format: number;
  readonly key: readonly string[];
  readonly indexes: readonly CatalogIndex[];
  readonly nextIndexId: number;
}

const FORMAT = 1;

/** What opening a table makes of its catalog: the same object if nothing is new. */
export function adopt(
  table: string,
  { key, indexes }: TableDefinition,
  existing: TableCatalog | undefined,
): TableCatalog {
  if (existing === undefined) return founded(key, indexes);
  if (existing.format > FORMAT) {
    const newer = `format ${existing.format}, and this release of ringkv knows ${FORMAT}`;
    throw incompatible(table, `its catalog has ${newer}: update ringkv`);
  }
  if (!isSameList(existing.key, key)) {
    const keys = `the key ${textOf(existing.key)} in the store, and ${textOf(key)} in the schema`;
    throw incompatible(table, `it has ${keys}: declare a table of another name, and copy the rows`);
  }
  let { nextIndexId } = existing;
  const added: CatalogIndex[] = [];
  for (const [name, definition] of Object.entries(indexes)) {
    const known = existing.indexes.find((index) => index.name === name);
    if (known === undefined) added.push(indexOf(name, definition, nextIndexId++, 'building'));
    else if (!isSameIndex(known, definition)) throw otherIndex(table, known, definition);
  }
  if (added.length === 0) return existing;
  const all = [...existing.indexes, ...added];
  if (all.length > TABLE_LIMITS.indexesMax) {
    const limit = `${all.length} indexes with those in the store; ${TABLE_LIMITS.indexesMax}`;
    throw incompatible(table, `it would have ${limit} is the limit: drop some`);
  }
  return { ...existing, indexes: all, nextIndexId };
}

/** A table without rows needs no build. */
function founded(
  key: readonly string[],
  indexes: Readonly<Record<string, IndexDefinition>>,
): TableCatalog {
  const all = Object.entries(indexes).map(([name, definition], at) =>
    indexOf(name, definition, at + 1, 'ready'),
  );
  return { format: FORMAT, key, indexes: all, nextIndexId: all.length + 1 };
}

/** The catalog in which an index is ready; undefined if it is not being built any more. */
export function withReady(catalog: TableCatalog, id: number): TableCatalog | undefined {
  if (!catalog.indexes.some((index) => index.id === id)) return undefined;
  const ready = (index: CatalogIndex): CatalogIndex =>
    index.id === id ? { ...index, state: 'ready' } : index;
  return { ...catalog, indexes: catalog.indexes.map(ready) };
}

export function withoutIndex(catalog: TableCatalog, id: number): TableCatalog {
  return { ...catalog, indexes: catalog.indexes.filter((index) => index.id !== id) };
}

function indexOf(
  name: string,
  { on, unique = false, each = false }: IndexDefinition,
  id: number,
  state: CatalogIndex['state'],
): CatalogIndex {
  return { name, id, on, isUnique: unique, isEach: each, state };
}

function isSameIndex(known: CatalogIndex, { on, unique, each }: IndexDefinition): boolean {
  const isSameKind = known.isUnique === (unique ?? false) && known.isEach === (each ?? false);
  return isSameKind && isSameList(known.on, on);
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((field, at) => field === other[at]);
}

function otherIndex(table: string, known: CatalogIndex, wanted: IndexDefinition): TableError {
  const { on, isUnique: unique, isEach: each } = known;
  const both = `${textOf({ on, unique, each })} in the store, and ${textOf(wanted)} in the schema`;
  const advice = 'declare it under another name, and drop the former one';
  return incompatible(table, `index ${known.name} is ${both}: ${advice}`, known.name);
}

function incompatible(table: string, what: string, index?: string): TableError {
  const failed = `table ${table} cannot be opened with this schema`;
  const message = `${failed}, and nothing was changed; ${what}`;
  const about = index === undefined ? {} : { index };
  return new TableError({ code: 'incompatible-schema', table, message, ...about });
}
