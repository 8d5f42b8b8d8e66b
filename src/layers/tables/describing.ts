/** What the store knows of its tables: for tools, which have no schema. */

import type { Client } from '../../index.ts';
import type { CatalogIndex, TableCatalog } from './catalog.ts';
import type { TableDefinition } from './definition.ts';
import { catalogKey } from './layout.ts';
import { type StandardSchema, unchecked } from './standard-schema.ts';
import { keysOf } from './tables-space.ts';
import { behind } from './tuple.ts';

/** An index of a table, as the catalog of the store has it. */
export interface IndexDescription {
  /** The name. */
  readonly name: string;
  /** The fields. */
  readonly on: readonly string[];
  /** Whether two rows may have the same values. */
  readonly unique: boolean;
  /** Whether it has an entry for each element of its last field. */
  readonly each: boolean;
  /** Queries use an index that is `ready`. */
  readonly state: 'building' | 'ready';
}

/** A row of a table whose schema is not known. */
export type UnknownRow = Readonly<Record<string, unknown>>;

/** A table, as the catalog of the store has it. */
export interface TableDescription {
  /** The name. */
  readonly name: string;
  /** The fields of the key. */
  readonly key: readonly string[];
  /** The indexes. */
  readonly indexes: readonly IndexDescription[];
}

/**
 * The tables of a store, in the order of their names.
 *
 * @example
 * ```ts
 * import { describeTables } from 'ringkv/tables';
 * for (const { name, key, indexes } of await describeTables(kv)) console.log(name, key, indexes);
 * ```
 */
export async function describeTables(kv: Pick<Client, 'space'>): Promise<TableDescription[]> {
  const from = catalogKey('');
  const found: TableDescription[] = [];
  const decoder = new TextDecoder();
  for await (const { key, value } of keysOf(kv).scan({ from, to: behind(from), keys: 'bytes' })) {
    const name = decoder.decode((key as Uint8Array).subarray(from.length));
    const catalog = value as TableCatalog;
    found.push({ name, key: catalog.key, indexes: catalog.indexes.map(described) });
  }
  return found;
}

/**
 * A definition with which a tool can open a table that exists: its rows are not validated.
 *
 * @example
 * ```ts
 * import { definitionOf, describeTables, openTables } from 'ringkv/tables';
 * const [first] = await describeTables(kv);
 * if (first) {
 *   const { name } = first;
 *   const tables = await openTables(kv, { schema: { [name]: definitionOf(first) } });
 *   console.log(await tables[name]?.find({ limit: 10 }));
 * }
 * ```
 */
export function definitionOf({
  key,
}: TableDescription): TableDefinition<StandardSchema<UnknownRow>> {
  return { schema: unchecked<UnknownRow>(), key, indexes: {}, ttl: undefined };
}

function described({ name, on, isUnique, isEach, state }: CatalogIndex): IndexDescription {
  return { name, on, unique: isUnique, each: isEach, state };
}
