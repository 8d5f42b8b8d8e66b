/** How tables are declared, and what is checked of a declaration before anything is sent. */

import { TABLE_LIMITS } from './limits.ts';
import type { InputOf, OutputOf, RowSchema } from './standard-schema.ts';
import { TableError, textOf } from './table-error.ts';

/** The names of the fields of a row. */
export type FieldOf<T> = keyof T & string;

/** An index of a table. */
export interface IndexDefinition<Field extends string = string> {
  /**
   * The fields, in the order in which the index sorts. Its first one decides on the shard of an
   * entry: an index that begins with the first field of the key is written in the shard of the row.
   */
  readonly on: readonly [Field, ...Field[]];
  /** Two rows must not have the same values. Rows that lack one of the fields may. */
  readonly unique?: boolean;
  /** The last field is an array, and the row has an entry for each of its elements. */
  readonly each?: boolean;
}

/** What a table is declared with. */
export interface TableParts<S extends RowSchema, K extends readonly string[]> {
  /** Validates each row that is written: any validator that follows Standard Schema. */
  readonly schema: S;
  /**
   * The fields of the key. Rows with the same first field are in one shard: reading them asks one
   * shard, and a transaction on them needs no second phase.
   */
  readonly key: K;
  /** The indexes, by name. One that is added later is built when the tables are opened. */
  readonly indexes?: Readonly<Record<string, IndexDefinition<FieldOf<OutputOf<S>>>>>;
  /** Milliseconds after which a row expires that was not written again. */
  readonly ttl?: number;
}

/** A declared table. */
export interface TableDefinition<
  S extends RowSchema = RowSchema,
  K extends readonly string[] = readonly string[],
> {
  /** Validates rows. */
  readonly schema: S;
  /** The fields of the key. */
  readonly key: K;
  /** The indexes, by name. */
  readonly indexes: Readonly<Record<string, IndexDefinition>>;
  /** The time to live of rows in milliseconds. */
  readonly ttl: number | undefined;
}

/** Tables by name: what `openTables` is given. */
export type TablesSchema = Readonly<Record<string, TableDefinition>>;

/** The rows of a declared table. */
export type RowIn<D extends TableDefinition> = OutputOf<D['schema']>;

/** What `insert` takes for a declared table. */
export type InputIn<D extends TableDefinition> = InputOf<D['schema']>;

/**
 * Declares a table: a schema, the fields of its key, and its indexes.
 *
 * @example
 * ```ts
 * import { table, unchecked } from 'ringkv/tables';
 * const users = table({
 *   schema: unchecked<{ org: string; id: string; email: string; tags: string[] }>(), // or z.object
 *   key: ['org', 'id'],
 *   indexes: { email: { on: ['email'], unique: true }, tag: { on: ['tags'], each: true } },
 * });
 * ```
 */
export function table<
  S extends RowSchema,
  const K extends readonly [FieldOf<OutputOf<S>>, ...FieldOf<OutputOf<S>>[]],
>({ schema, key, indexes = {}, ttl }: TableParts<S, K>): TableDefinition<S, K> {
  return { schema, key, indexes, ttl };
}

/** Names stand in keys, between colons; these are the calls of a database. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const RESERVED: readonly string[] = ['transaction', 'then'];

/** Throws what is wrong with a declaration, whatever the types say. */
export function checkDefinition(name: string, definition: TableDefinition): void {
  const refuse = (what: string) => {
    throw new TableError({ code: 'invalid-argument', table: name, message: what });
  };
  if (!NAME.test(name) || RESERVED.includes(name)) {
    const allowed = `1 to 64 letters, digits, - and _, and not ${RESERVED.join(' or ')}`;
    refuse(`${textOf(name)} is no name of a table: a name has ${allowed}; nothing was opened`);
  }
  const { schema, key, indexes, ttl } = definition;
  if (typeof schema?.['~standard']?.validate !== 'function') {
    refuse(`table ${name}: schema must follow Standard Schema, as those of zod do`);
  }
  checkFields(key, `table ${name}: key`, refuse);
  if (ttl !== undefined) checkTtl(name, ttl);
  const names = Object.keys(indexes);
  if (names.length > TABLE_LIMITS.indexesMax) {
    refuse(`table ${name} has ${names.length} indexes; the limit is ${TABLE_LIMITS.indexesMax}`);
  }
  for (const [index, { on }] of Object.entries(indexes)) {
    if (!NAME.test(index)) refuse(`table ${name}: ${textOf(index)} is no name of an index`);
    checkFields(on, `table ${name}: on of index ${index}`, refuse);
  }
}

function checkFields(
  fields: readonly string[],
  where: string,
  refuse: (what: string) => void,
): void {
  const isList = Array.isArray(fields) && fields.every((field) => typeof field === 'string');
  const { length } = new Set(isList ? fields : []).size === fields?.length ? fields : [];
  if (isList && length > 0 && length <= TABLE_LIMITS.fieldsMax) return;
  refuse(`${where} must be 1 to ${TABLE_LIMITS.fieldsMax} different fields; ${textOf(fields)}`);
}

export function checkTtl(table: string, ttl: number): number {
  const max = TABLE_LIMITS.ttlMillisecondsMax;
  if (Number.isSafeInteger(ttl) && ttl > 0 && ttl <= max) return ttl;
  const message = `table ${table}: ttl must be 1 to ${max} milliseconds (got ${textOf(ttl)})`;
  throw new TableError({ code: 'invalid-argument', table, message });
}
