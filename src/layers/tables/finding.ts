/** Runs the plan of a query: reads entries and rows, and serves the rows that fit. */

import type { TableCatalog } from './catalog.ts';
import type { CursorPlace } from './cursor.ts';
import { type AnyRow, hasEntry, placeOfParts } from './entries.ts';
import { rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import type { AccessPlan } from './plan.ts';
import { fits } from './query.ts';
import { remember } from './row-version.ts';
import { TableError } from './table-error.ts';
import { behind, compareBytes, encodePart, joinBytes } from './tuple.ts';

/** A key with its value, as the client returns it. */
interface StoredEntry {
  readonly value: unknown;
  readonly version: number;
  readonly ttl: number | undefined;
}

export interface StoredEntryAt extends StoredEntry {
  readonly key: Uint8Array;
}

interface ReadRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly isReverse: boolean;
  readonly limit: number | undefined;
}

/**
 * Reads the keys of the layer: outside of transactions each call as of a moment of its own, inside
 * as of the moment of the transaction.
 */
export interface RowReader {
  getMany(keys: readonly Uint8Array[]): Promise<readonly (StoredEntry | undefined)[]>;
  scan(range: ReadRange): AsyncIterable<StoredEntryAt>;
  /**
   * Reads keys, and fails with `index-dropped` unless the index of this id was there when the
   * entries before were read. In a transaction the commit ensures that.
   */
  getManyOf(
    index: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredEntry | undefined)[]>;
}

/** A row that fits, and where it stands in the path that is read. */
export interface ServedRow {
  readonly row: AnyRow;
  readonly position: Uint8Array;
}

interface FindTerms {
  readonly table: string;
  readonly catalog: TableCatalog;
  readonly reader: RowReader;
  readonly plan: AccessPlan;
  readonly orderBy: readonly string[];
  readonly isReverse: boolean;
  readonly after: CursorPlace | undefined;
  /** How many rows the caller takes at most, if that is known. */
  readonly wanted: number | undefined;
}

/** The rows that fit, in their order. */
export function serve(terms: FindTerms): AsyncGenerator<ServedRow, void, undefined> {
  const { plan, after } = terms;
  if (plan.isPoint && after === undefined) return atPoint(terms);
  return plan.order === 'memory' ? sorted(terms) : inPathOrder(terms);
}

/** One row by its key, or by its entry in a unique index: reads, where a scan would cost more. */
async function* atPoint(terms: FindTerms): AsyncGenerator<ServedRow, void, undefined> {
  const { plan, reader } = terms;
  const key = plan.range.from;
  const [entry] = await reader.getMany([key]);
  if (entry === undefined) yield* await rowsAt(terms, []);
  else
    yield* await rowsAt(terms, [
      { key, value: entry.value, version: entry.version, ttl: entry.ttl },
    ]);
}

async function* inPathOrder(terms: FindTerms): AsyncGenerator<ServedRow, void, undefined> {
  const { plan, reader, isReverse, after, wanted } = terms;
  const isHinted = wanted !== undefined && plan.filter.length === 0;
  let { from, to } = plan.range;
  if (after !== undefined && plan.order === 'path') {
    if (isReverse) to = after.position;
    else from = joinBytes(after.position, Uint8Array.of(0));
  }
  let left = isHinted ? wanted : undefined;
  for (;;) {
    // Of a chunk of entries some may be stale; then the next chunk replaces them.
    const limit = left === undefined ? undefined : Math.max(1, left);
    let count = 0;
    for await (const chunk of inChunks(reader.scan({ from, to, isReverse, limit }))) {
      count += chunk.length;
      const last = chunk.at(-1)?.key;
      if (last !== undefined && isReverse) to = last;
      else if (last !== undefined) from = joinBytes(last, Uint8Array.of(0));
      for (const served of await rowsAt(terms, chunk)) {
        if (left !== undefined) left -= 1;
        yield served;
      }
    }
    if (limit === undefined || count < limit || left === 0) return;
  }
}

/** The last chunk may be empty: it shows that the index was there until the end. */
async function* inChunks(
  entries: AsyncIterable<StoredEntryAt>,
): AsyncGenerator<readonly StoredEntryAt[], void, undefined> {
  let chunk: StoredEntryAt[] = [];
  for await (const entry of entries) {
    chunk.push(entry);
    if (chunk.length < TABLE_LIMITS.chunkRows) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

async function rowsAt(
  { table, catalog, reader, plan }: FindTerms,
  chunk: readonly StoredEntryAt[],
): Promise<ServedRow[]> {
  const { index, filter } = plan;
  const served: ServedRow[] = [];
  if (index === undefined) {
    for (const { key, value, version } of chunk) {
      const row = value as AnyRow;
      if (fits(row, filter)) served.push({ row: remember(row, version), position: key });
    }
    return served;
  }
  const prefix = rowPrefix(table);
  const keys = chunk.map(({ value }) => joinBytes(prefix, value as Uint8Array));
  const rows = await reader.getManyOf(index.id, keys);
  for (const [at, { key }] of chunk.entries()) {
    const found = rows[at];
    if (found === undefined) continue;
    const row = found.value as AnyRow;
    // The row may have changed since the entry was read; then another entry stands for it.
    const isCurrent = hasEntry(table, catalog.key, index, row, key);
    if (!isCurrent || !fits(row, filter)) continue;
    served.push({ row: remember(row, found.version), position: key });
  }
  return served;
}

/** The key of a row, field by field. */
export function partsOf({ key }: TableCatalog, row: AnyRow): unknown[] {
  return key.map((field) => row[field]);
}

/** Reads all rows that fit, up to a bound, and serves them by the wanted fields and their keys. */
async function* sorted(terms: FindTerms): AsyncGenerator<ServedRow, void, undefined> {
  const { table, catalog, orderBy, isReverse, after } = terms;
  const found: ServedRow[] = [];
  for await (const { row } of inPathOrder({ ...terms, isReverse: false, wanted: undefined })) {
    const { place } = placeOfParts(table, catalog.key, partsOf(catalog, row));
    const parts = orderBy.map((field) => sortPart(table, field, row));
    found.push({ row, position: joinBytes(...parts, place) });
    if (found.length > TABLE_LIMITS.sortedRowsMax) throw tooManyRows(terms);
  }
  const direction = isReverse ? -1 : 1;
  found.sort((one, other) => direction * compareBytes(one.position, other.position));
  for (const served of found) {
    const isBehind =
      after === undefined || direction * compareBytes(served.position, after.position) > 0;
    if (isBehind) yield served;
  }
}

function sortPart(table: string, field: string, row: AnyRow): Uint8Array {
  const part = encodePart(row[field]);
  if (typeof part !== 'string') return part;
  const message = `table ${table}: rows cannot be ordered by ${field}, a value of which is ${part}`;
  throw new TableError({ code: 'invalid-argument', table, message });
}

function tooManyRows({ table, orderBy }: FindTerms): TableError {
  const max = TABLE_LIMITS.sortedRowsMax;
  const what = `more than ${max} rows (sortedRowsMax) would be sorted by ${orderBy.join(', ')}`;
  const advice = 'declare an index that ends with these fields, or ask for less';
  const message = `table ${table}: ${what} in memory; nothing was returned: ${advice}`;
  return new TableError({ code: 'too-many-rows', table, message });
}

/** The range of all rows of a table. */
export function allRowsOf(table: string): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const from = rowPrefix(table);
  return { from, to: behind(from) };
}
