/** What a table refuses: errors with a code, and what the code is about. */

/**
 * Why a table refused a call. No call that fails with one of them has an effect.
 *
 * - `schema-violation`: the schema of the table refuses the row; `issues` has the fields and rules.
 * - `row-exists`: `insert` met a row with this key.
 * - `row-missing`: `update` met no row with this key.
 * - `row-changed`: the row does not have the version of `ifVersion`.
 * - `unique-violation`: another row, `otherKey`, has this value of a unique index.
 * - `no-index`: only a full scan could answer the query, and it was not asked for with `scan`.
 * - `index-dropped`: the index was dropped while the query read it.
 * - `too-many-rows`: more rows than the layer sorts, or remembers for a live query.
 * - `duplicates`: a unique index cannot be built, because rows have equal values: `duplicates`.
 * - `incompatible-schema`: the catalog of the store has another key, or another index of the name.
 * - `bad-cursor`: a cursor of another query.
 * - `invalid-argument`: an argument has a value that is not allowed.
 */
export type TableErrorCode =
  | 'schema-violation'
  | 'row-exists'
  | 'row-missing'
  | 'row-changed'
  | 'unique-violation'
  | 'no-index'
  | 'index-dropped'
  | 'too-many-rows'
  | 'duplicates'
  | 'incompatible-schema'
  | 'bad-cursor'
  | 'invalid-argument';

/** One field that a schema refuses. */
export interface FieldIssue {
  /** The path of the field: `address.city`, `tags[2]`; empty for the row as a whole. */
  readonly field: string;
  /** The value that was refused. */
  readonly value: unknown;
  /** The rule that it breaks. */
  readonly rule: string;
}

/** Rows that have one value of an index that was to be unique. */
export interface DuplicateRows {
  /** The value: one part for each field of the index. */
  readonly value: readonly unknown[];
  /** The keys of two of the rows. */
  readonly keys: readonly (readonly unknown[])[];
}

/** What a `TableError` is made of. */
export interface TableErrorOptions {
  /** Which failure it is. */
  readonly code: TableErrorCode;
  /** What failed, on what, and why. */
  readonly message: string;
  /** The table. */
  readonly table: string;
  /** The index, where one is concerned. */
  readonly index?: string;
  /** The key of the other row of a `unique-violation`. */
  readonly otherKey?: readonly unknown[];
  /** The fields of a `schema-violation`. */
  readonly issues?: readonly FieldIssue[];
  /** The rows of `duplicates`. */
  readonly duplicates?: readonly DuplicateRows[];
  /** The error behind this one. */
  readonly cause?: unknown;
}

const BRAND = Symbol.for('ringkv.TableError');

/**
 * The error of a call that a table refuses. It had no effect. Operating failures, such as a
 * timeout, are a `KvError`, as for every other call.
 *
 * @example
 * ```ts
 * import { isTableError } from 'ringkv/tables';
 * try {
 *   await db.users.insert({ org: 'acme', id: '7', email: 'ada@acme.org', age: 36 });
 * } catch (error) {
 *   if (!isTableError(error)) throw error;
 *   console.error(error.code, error.table, error.index, error.otherKey);
 * }
 * ```
 */
export class TableError extends Error {
  /** Always `TableError`. */
  override readonly name = 'TableError';
  /** Which failure it is: compare this, never the message. */
  readonly code: TableErrorCode;
  /** Always `notApplied`: a refused call has no effect. */
  readonly outcome = 'notApplied';
  /** The table. */
  readonly table: string;
  /** The index, where one is concerned. */
  readonly index: string | undefined;
  /** The key of the other row of a `unique-violation`. */
  readonly otherKey: readonly unknown[] | undefined;
  /** The fields of a `schema-violation`; none for other codes. */
  readonly issues: readonly FieldIssue[];
  /** The rows of `duplicates`; none for other codes. */
  readonly duplicates: readonly DuplicateRows[];

  /**
   * For tests of programs that handle these errors; the library creates its own.
   *
   * @example
   * ```ts
   * import { TableError } from 'ringkv/tables';
   * const message = 'table users has no row ["acme", "7"]';
   * const error = new TableError({ code: 'row-missing', table: 'users', message });
   * ```
   */
  constructor({ code, message, table, index, otherKey, ...rest }: TableErrorOptions) {
    super(message, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.code = code;
    this.table = table;
    this.index = index;
    this.otherKey = otherKey;
    this.issues = rest.issues ?? [];
    this.duplicates = rest.duplicates ?? [];
  }
}

// Not a field: those are public, and printed with each error.
Object.defineProperty(TableError.prototype, BRAND, { value: true });

/**
 * Whether a value is a `TableError`, also one of another copy of the package.
 *
 * @example
 * ```ts
 * import { isTableError } from 'ringkv/tables';
 * const failure = await db.users.get(['acme', '7']).catch((error: unknown) => error);
 * if (isTableError(failure)) console.error(failure.code);
 * ```
 */
export function isTableError(value: unknown): value is TableError {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
}

const TEXT_CHARACTERS_MAX = 120;

/** A value, for the message of an error. */
export function textOf(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value, plain) ?? 'none');
  return text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}…` : text;
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? `bytes ${hexOf(value)}` : value;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
