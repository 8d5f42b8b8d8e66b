/** What `ringkv/tables` promises: tables, queries, transactions and live queries. */

import type { CallOptions } from '../../index.ts';
import type { FieldOf, InputIn, RowIn, TablesSchema } from './definition.ts';
import type { BuildProgress } from './index-building.ts';
import type { Explanation } from './plan.ts';
import type { IndexVerification } from './verifying.ts';

/** A value that conditions compare. */
export type Comparable = string | number | bigint | boolean | Uint8Array | Date;

/** Comparisons with a field; several of them hold together. Values of other types never fit. */
export interface Comparison<V> {
  /** Equal. */
  readonly eq?: V;
  /** Greater. */
  readonly gt?: V;
  /** Greater or equal. */
  readonly gte?: V;
  /** Less. */
  readonly lt?: V;
  /** Less or equal. */
  readonly lte?: V;
  /** A text that begins with this one. */
  readonly startsWith?: V extends string ? string : never;
}

/** A condition on a field: a value, comparisons, an element of an array, or `null` for absent. */
export type Condition<V> = unknown extends V
  ? unknown
  : V extends readonly (infer E)[]
    ? { readonly has: E }
    : V extends boolean
      ? boolean
      : V extends Comparable
        ? V | Comparison<V>
        : null;

/** Conditions on fields, all of which have to hold. */
export type Where<T> = { readonly [Field in keyof T]?: Condition<T[Field]> };

/** What `find` is asked. */
export interface Query<T> {
  /** The conditions; all rows by default. */
  readonly where?: Where<T>;
  /** The fields to order by; by default the order of the key or index that is read. */
  readonly orderBy?: FieldOf<T> | readonly FieldOf<T>[];
  /** From the last one to the first. */
  readonly reverse?: boolean;
  /** The most rows of the page: 1000 by default, 10,000 at most. */
  readonly limit?: number;
  /** Continues behind an earlier page of the same query. */
  readonly cursor?: string | undefined;
  /** Allows to read all rows where no key and no index can answer. */
  readonly scan?: boolean;
}

/** One page of rows. */
export interface TablePage<T> {
  /** The rows, in their order. `versionOf` has their versions. */
  readonly rows: readonly T[];
  /** Where the next page begins; undefined if there are no more rows. */
  readonly cursor: string | undefined;
}

/**
 * The key of a row: an object with the fields of the key, such as the row itself; a list of their
 * values; or the value, if the key is one field.
 */
export type RowKey<T, K extends readonly string[]> =
  | { readonly [Field in K[number]]: Field extends keyof T ? T[Field] : never }
  | { readonly [At in keyof K]: K[At] extends keyof T ? T[K[At]] : never }
  | (K extends readonly [infer Only] ? (Only extends keyof T ? T[Only] : never) : never);

/** How long a row lives that is written. */
export interface RowLifeOptions {
  /**
   * Milliseconds, or `null` for ever. By default the `ttl` of the table, from now on; without one a
   * row that exists keeps the time that is left.
   */
  readonly ttl?: number | null;
}

/** Options of `delete`. */
export interface RowVersionOptions {
  /** Only if the row still has this version: `row-changed` otherwise. See `versionOf`. */
  readonly ifVersion?: number;
}

/** Options of `update`. */
export interface RowUpdateOptions extends RowLifeOptions, RowVersionOptions {}

/** The rows of a table, in a transaction or outside. `Call` are the options of each call. */
export interface TableRows<T, Input, K extends readonly string[], Call = object> {
  /**
   * Reads a row by its key. Undefined if it does not exist.
   *
   * @example
   * ```ts
   * const ada = await db.users.get(['acme', '7']);
   * console.log(ada?.email);
   * ```
   */
  get(key: RowKey<T, K>, options?: Call): Promise<T | undefined>;
  /**
   * Adds a row. `row-exists` if there is one with its key.
   *
   * @example
   * ```ts
   * await db.users.insert({ org: 'acme', id: '7', email: 'ada@acme.org', age: 36 });
   * ```
   */
  insert(row: Input, options?: RowLifeOptions & Call): Promise<T>;
  /**
   * Writes a row, whether it exists or not.
   *
   * @example
   * ```ts
   * await db.users.upsert({ org: 'acme', id: '7', email: 'ada@acme.org', age: 37 });
   * ```
   */
  upsert(row: Input, options?: RowLifeOptions & Call): Promise<T>;
  /**
   * Changes a row: by its new fields, where `undefined` removes one, or by a function of the row,
   * which may run several times. `row-missing` if it does not exist. The key stays.
   *
   * @example
   * ```ts
   * await db.users.update(['acme', '7'], { age: 37 });
   * await db.users.update(['acme', '7'], (ada) => ({ ...ada, age: ada.age + 1 }));
   * ```
   */
  update(
    key: RowKey<T, K>,
    change: { readonly [Field in keyof T]?: T[Field] | undefined } | ((row: T) => T | Promise<T>),
    options?: RowUpdateOptions & Call,
  ): Promise<T>;
  /**
   * Deletes a row; returns whether it existed.
   *
   * @example
   * ```ts
   * const wasThere = await db.users.delete(['acme', '7']);
   * ```
   */
  delete(key: RowKey<T, K>, options?: RowVersionOptions & Call): Promise<boolean>;
  /**
   * Reads a page of rows by the key or by an index, whichever reads least; `explain` says which.
   * `no-index` if only a scan of all rows could answer, unless `scan` allows it. Outside of a
   * transaction each row is as of a moment of its own, and fits at that moment.
   *
   * @example
   * ```ts
   * const where = { org: 'acme', age: { gte: 18 } };
   * const first = await db.users.find({ where, orderBy: 'age', limit: 20 });
   * const { cursor } = first;
   * const next = await db.users.find({ where, orderBy: 'age', limit: 20, cursor });
   * ```
   */
  find(query?: Query<T> & Call): Promise<TablePage<T>>;
  /**
   * Reads all rows of a query, page by page as the loop takes them.
   *
   * @example
   * ```ts
   * for await (const user of db.users.rows({ where: { org: 'acme' } })) console.log(user.email);
   * ```
   */
  rows(query?: Query<T> & Call): AsyncGenerator<T, void, undefined>;
  /**
   * How `find` would answer; nothing is read.
   *
   * @example
   * ```ts
   * console.log(db.users.explain({ where: { email: 'ada@acme.org' } }).text);
   * // users: index email, equal email, one shard
   * ```
   */
  explain(query?: Query<T>): Explanation;
}

/** A table of a database. */
export interface Table<T, Input, K extends readonly string[]>
  extends TableRows<T, Input, K, CallOptions> {
  /**
   * Follows the rows that fit: first those that exist, then each change, through all failures,
   * until the loop is left.
   *
   * @example
   * ```ts
   * for await (const event of db.users.watch({ where: { org: 'acme' } })) {
   *   if (event.type === 'enter') console.log(event.row.email, 'is there');
   *   if (event.type === 'leave') console.log(event.key, event.why);
   * }
   * ```
   */
  watch(query?: LiveQuery<T>): LiveRows<T>;
  /**
   * Compares all rows with all indexes. Writers may go on meanwhile.
   *
   * @example
   * ```ts
   * for (const { index, missing } of await db.users.verify()) console.log(index, missing);
   * ```
   */
  verify(): Promise<readonly IndexVerification[]>;
  /**
   * Drops an index of the store, for all processes. A process whose schema declares it builds it
   * again when it opens the tables.
   *
   * @example
   * ```ts
   * await db.users.dropIndex('age');
   * ```
   */
  dropIndex(name: string): Promise<void>;
}

/** What `watch` of a table is asked. */
export interface LiveQuery<T> {
  /** The conditions; all rows by default. With the first field of the key one shard is watched. */
  readonly where?: Where<T>;
  /** Ends the loop: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** An event of a live query. */
export type RowEvent<T> =
  /** A row that did not fit, or did not exist, fits now. */
  | { readonly type: 'enter'; readonly key: readonly unknown[]; readonly row: T }
  /** A row that fits was written, and still fits. */
  | { readonly type: 'change'; readonly key: readonly unknown[]; readonly row: T }
  /** A row does not fit any more; `why` is `lost` if what happened was forgotten. */
  | {
      readonly type: 'leave';
      readonly key: readonly unknown[];
      readonly why: 'changed' | 'deleted' | 'expired' | 'lost';
    }
  /** All rows that fit have been told. */
  | { readonly type: 'synced' };

/** A live query, to be iterated once. */
export interface LiveRows<T> extends AsyncIterable<RowEvent<T>>, AsyncDisposable {
  /**
   * Ends it, and the loop over it. Safe to call twice.
   *
   * @example
   * ```ts
   * const live = db.users.watch({ where: { org: 'acme' } });
   * setTimeout(() => live.close(), 60_000);
   * for await (const event of live) console.log(event.type); // ends after a minute
   * ```
   */
  close(): Promise<void>;
}

/** The tables in a transaction, by name. */
export type TransactionTables<S extends TablesSchema> = {
  readonly [Name in keyof S]: TableRows<RowIn<S[Name]>, InputIn<S[Name]>, S[Name]['key']>;
};

/** What a database has beside its tables. */
export interface DatabaseCalls<S extends TablesSchema> {
  /**
   * Runs a function as a transaction over any rows of any tables: its reads were true, and its
   * writes take effect, at one moment. It runs again if other writes are in the way, as that of
   * `kv.transaction` does, so it should change nothing but the tables. Calls in it run one after
   * the other, also those that are not awaited in between.
   *
   * @example
   * ```ts
   * await db.transaction(async (tx) => {
   *   const ada = await tx.users.get(['acme', '7']);
   *   if (ada) await tx.users.update(ada, { age: ada.age + 1 });
   *   await tx.users.insert({ org: 'acme', id: '8', email: 'grace@acme.org', age: 41 });
   * });
   * ```
   */
  transaction<R>(
    work: (tx: TransactionTables<S>) => Promise<R> | R,
    options?: CallOptions,
  ): Promise<R>;
}

/** An open database: its tables by name, and `transaction`. */
export type Database<S extends TablesSchema> = DatabaseCalls<S> & {
  readonly [Name in keyof S]: Table<RowIn<S[Name]>, InputIn<S[Name]>, S[Name]['key']>;
};

/** Options of `openTables`. */
export interface OpenTablesOptions<S extends TablesSchema> {
  /** The tables, by name. */
  readonly schema: S;
  /** Told of the build of indexes that the store does not have yet. */
  readonly onProgress?: (progress: BuildProgress) => void;
}
