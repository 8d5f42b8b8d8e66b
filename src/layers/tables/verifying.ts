/** Compares the rows of a table with the entries of an index. */

import type { CatalogIndex } from './catalog.ts';
import { type AnyRow, entriesOf, placeOfParts } from './entries.ts';
import { allRowsOf, partsOf } from './finding.ts';
import { entryPrefix, rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import type { OpenTable } from './open-table.ts';
import { behind, compareBytes, joinBytes } from './tuple.ts';

/** What `verify` found of an index. */
export interface IndexVerification {
  /** The index. */
  readonly index: string;
  /** Its entries. */
  readonly entries: number;
  /** Rows that lack an entry: queries by the index miss them. A defect. */
  readonly missing: number;
  /** Entries of rows that have expired. Queries skip them, and they expire as well. */
  readonly stale: number;
}

/** Each suspicion is checked again in a transaction: writers go on meanwhile. */
export async function verifyIndex(
  open: OpenTable,
  index: CatalogIndex,
  onRows: (rows: number) => void,
): Promise<IndexVerification> {
  let missing = 0;
  let rows = 0;
  for await (const page of pagesOf(open, allRowsOf(open.name))) {
    const expected = page.flatMap(({ key, value }) =>
      entryKeys(open, index, value as AnyRow).map((entry) => ({ entry, key })),
    );
    const found = await open.keys.getMany(expected.map(({ entry }) => entry));
    for (const [at, { key }] of expected.entries()) {
      const points = pointsTo(open, found[at]?.value as Uint8Array | undefined, key);
      if (!points && (await lacksEntry(open, index, key))) missing += 1;
    }
    rows += page.length;
    onRows(rows);
  }
  let [entries, stale] = [0, 0];
  const from = entryPrefix(open.name, index.id);
  for await (const page of pagesOf(open, { from, to: behind(from) })) {
    const rowKeys = page.map(({ value }) => joinBytes(rowPrefix(open.name), value as Uint8Array));
    const found = await open.keys.getMany(rowKeys);
    for (const [at, { key }] of page.entries()) {
      const row = found[at]?.value as AnyRow | undefined;
      const isOf = row !== undefined && entryKeys(open, index, row).some(equals(key));
      if (!isOf && (await isStale(open, index, key))) stale += 1;
    }
    entries += page.length;
  }
  return { index: index.name, entries, missing, stale };
}

interface PageEntry {
  readonly key: Uint8Array;
  readonly value: unknown;
}

async function* pagesOf(
  { keys }: OpenTable,
  range: { readonly from: Uint8Array; readonly to: Uint8Array },
): AsyncGenerator<readonly PageEntry[], void, undefined> {
  let page: PageEntry[] = [];
  for await (const { key, value } of keys.scan({ ...range, keys: 'bytes' })) {
    page.push({ key: key as Uint8Array, value });
    if (page.length < TABLE_LIMITS.chunkRows) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function lacksEntry(open: OpenTable, index: CatalogIndex, key: Uint8Array): Promise<boolean> {
  return open.keys.transaction(async (tx) => {
    const row = (await tx.get(key))?.value as AnyRow | undefined;
    if (row === undefined) return false;
    const found = await tx.getMany(entryKeys(open, index, row));
    return !found.every((entry) => pointsTo(open, entry?.value as Uint8Array | undefined, key));
  });
}

async function isStale(open: OpenTable, index: CatalogIndex, key: Uint8Array): Promise<boolean> {
  return open.keys.transaction(async (tx) => {
    const place = (await tx.get(key))?.value as Uint8Array | undefined;
    if (place === undefined) return false;
    const found = await tx.get(joinBytes(rowPrefix(open.name), place));
    const row = found?.value as AnyRow | undefined;
    return row === undefined || !entryKeys(open, index, row).some(equals(key));
  });
}

function entryKeys({ name, catalog }: OpenTable, index: CatalogIndex, row: AnyRow): Uint8Array[] {
  const place = placeOfParts(name, catalog.key, partsOf(catalog, row));
  return entriesOf(name, [index], row, place).map(({ key }) => key);
}

function pointsTo({ name }: OpenTable, place: Uint8Array | undefined, key: Uint8Array): boolean {
  return place !== undefined && compareBytes(joinBytes(rowPrefix(name), place), key) === 0;
}

function equals(key: Uint8Array): (other: Uint8Array) => boolean {
  return (other) => compareBytes(other, key) === 0;
}
