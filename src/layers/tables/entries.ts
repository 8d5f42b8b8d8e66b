/** The key of a row, and the entries that it has in the indexes of its table. */

import type { CatalogIndex } from './catalog.ts';
import { entryPrefix, placeOf, rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import { TableError, textOf } from './table-error.ts';
import { compareBytes, encodePart, joinBytes } from './tuple.ts';

/** A row as the layer sees it: fields by name. */
export type AnyRow = Readonly<Record<string, unknown>>;

/** Where a row is. */
export interface RowPlace {
  /** The values of the fields of its key. */
  readonly parts: readonly unknown[];
  /** Behind the prefix of the table: what index entries point to. */
  readonly place: Uint8Array;
  /** The parts without braces, which make entries of different rows different. */
  readonly suffix: Uint8Array;
  /** The key in the space of the layer. */
  readonly key: Uint8Array;
}

/** An entry that a row has in an index. */
export interface IndexEntry {
  readonly index: CatalogIndex;
  readonly key: Uint8Array;
  /** The values of the fields of the index. */
  readonly values: readonly unknown[];
  /** No other row may have this entry. Rows that lack a field of the index have entries apart. */
  readonly isSole: boolean;
}

/** Where the row with these parts of a key is. */
export function placeOfParts(
  table: string,
  fields: readonly string[],
  parts: readonly unknown[],
): RowPlace {
  const encoded = fields.map((field, at) => {
    const part = parts[at];
    const isAbsent = part === null || part === undefined;
    const bytes = isAbsent ? 'absent' : encodePart(part);
    if (typeof bytes !== 'string') return bytes;
    const allowed = 'a part of a key is a text, number, bigint, boolean, Uint8Array or Date';
    const message = `table ${table}: the field ${field} of the key is ${bytes}; ${allowed}`;
    throw new TableError({ code: 'invalid-argument', table, message });
  });
  const place = placeOf(encoded);
  const key = joinBytes(rowPrefix(table), place);
  if (key.length > TABLE_LIMITS.keyBytesMax) throw tooLong(table, key, `the key ${textOf(parts)}`);
  return { parts, place, suffix: joinBytes(...encoded), key };
}

/** The entries of a row in these indexes, each once. */
export function entriesOf(
  table: string,
  indexes: readonly CatalogIndex[],
  row: AnyRow,
  { suffix }: RowPlace,
): IndexEntry[] {
  return indexes.flatMap((index) => {
    const own = new Map<string, IndexEntry>();
    for (const values of valuesIn(table, index, row)) {
      const encoded = index.on.map((field, at) => indexedPart(table, index, field, values[at]));
      const isComplete = values.every((value) => value !== null && value !== undefined);
      const isSole = index.isUnique && isComplete;
      const ends = isSole ? [] : [suffix];
      const prefix = entryPrefix(table, index.id);
      const key = joinBytes(prefix, placeOf(encoded), ...ends);
      if (key.length > TABLE_LIMITS.keyBytesMax) {
        throw tooLong(table, key, `an entry of index ${index.name} for ${textOf(values)}`);
      }
      if (!index.isEach) return [{ index, key, values, isSole }];
      own.set(nameOfKey(key), { index, key, values, isSole });
    }
    return [...own.values()];
  });
}

/** Whether an entry of an index is one of this row, as the row is now. */
export function hasEntry(
  table: string,
  fields: readonly string[],
  index: CatalogIndex,
  row: AnyRow,
  key: Uint8Array,
): boolean {
  const parts = fields.map((field) => row[field]);
  const entries = entriesOf(table, [index], row, placeOfParts(table, fields, parts));
  return entries.some((entry) => compareBytes(entry.key, key) === 0);
}

/** A key as the key of a `Map`. */
export function nameOfKey(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

/** One list of values, or one for each element of the last field. */
function valuesIn(table: string, { name, on, isEach }: CatalogIndex, row: AnyRow): unknown[][] {
  if (!isEach) return [on.map((field) => row[field])];
  const elements = row[on.at(-1) as string] ?? [];
  if (!Array.isArray(elements) || elements.length > TABLE_LIMITS.elementsMax) {
    const got = Array.isArray(elements) ? `${elements.length} elements` : 'no array';
    const what = `the field ${on.at(-1)} has ${got}; index ${name} has entries for each element`;
    const message = `table ${table}: ${what} of an array of at most ${TABLE_LIMITS.elementsMax}`;
    throw new TableError({ code: 'invalid-argument', table, index: name, message });
  }
  const others = on.slice(0, -1).map((field) => row[field]);
  return elements.map((element: unknown) => [...others, element]);
}

function indexedPart(
  table: string,
  { name }: CatalogIndex,
  field: string,
  value: unknown,
): Uint8Array {
  const bytes = encodePart(value);
  if (typeof bytes !== 'string') return bytes;
  const allowed = 'an indexed value is a text, number, bigint, boolean, Uint8Array, Date or absent';
  const message = `table ${table}: the field ${field} of index ${name} is ${bytes}; ${allowed}`;
  throw new TableError({ code: 'invalid-argument', table, index: name, message });
}

function tooLong(table: string, key: Uint8Array, what: string): TableError {
  const limit = `${key.length} bytes; the limit is ${TABLE_LIMITS.keyBytesMax}`;
  const message = `table ${table}: ${what} takes ${limit}; nothing was written: use shorter values`;
  return new TableError({ code: 'invalid-argument', table, message });
}
