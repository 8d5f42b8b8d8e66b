/** Writes rows in a transaction, together with their entries in all indexes. */

import type { Entry, LifeOptions, Transaction } from '../../index.ts';
import type { TableCatalog } from './catalog.ts';
import { checkTtl, type TableDefinition } from './definition.ts';
import {
  type AnyRow,
  entriesOf,
  hasEntry,
  type IndexEntry,
  nameOfKey,
  placeOfParts,
  type RowPlace,
} from './entries.ts';
import { partsOf } from './finding.ts';
import { partsAt, rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import { TableError, textOf } from './table-error.ts';
import { compareBytes, joinBytes } from './tuple.ts';
import { validated } from './validation.ts';

interface WriterParts {
  readonly table: string;
  readonly definition: TableDefinition;
  readonly catalog: TableCatalog;
  readonly tx: Transaction<unknown>;
}

/** How long a row lives: `null` for ever; undefined as the table says, or as it did before. */
interface RowLife {
  readonly ttl?: number | null | undefined;
}

/** A row as it was before a write. */
interface FormerRow {
  readonly row: AnyRow;
  readonly ttl: number | undefined;
  readonly version: number;
}

export class RowWriter {
  readonly #table: string;
  readonly #definition: TableDefinition;
  readonly #catalog: TableCatalog;
  readonly #tx: Transaction<unknown>;
  /** What this transaction has written: its reads do not tell the time to live of these. */
  readonly #ttls = new Map<string, number | undefined>();

  constructor({ table, definition, catalog, tx }: WriterParts) {
    this.#table = table;
    this.#definition = definition;
    this.#catalog = catalog;
    this.#tx = tx;
  }

  async insert(input: unknown, life: RowLife): Promise<AnyRow> {
    const row = await validated(this.#table, this.#definition.schema, input);
    const place = this.placeOf(row);
    const former = await this.#read(place);
    if (former !== undefined) {
      const what = `the row ${textOf(place.parts)} exists with version ${former.version}`;
      throw this.#refused('row-exists', `${what}; nothing was written: use upsert or update`);
    }
    return this.#put({ place, former, row, life });
  }

  async upsert(input: unknown, life: RowLife): Promise<AnyRow> {
    const row = await validated(this.#table, this.#definition.schema, input);
    const place = this.placeOf(row);
    return this.#put({ place, former: await this.#read(place), row, life });
  }

  async update(
    parts: readonly unknown[],
    change: object | ((row: AnyRow) => unknown),
    { ifVersion, ...life }: RowLife & { readonly ifVersion?: number | undefined },
  ): Promise<AnyRow> {
    const place = this.placeOfParts(parts);
    const former = await this.#read(place);
    this.#checkVersion(place, former, ifVersion);
    if (former === undefined) {
      const what = `it has no row ${textOf(parts)}`;
      throw this.#refused('row-missing', `${what}; nothing was written: use insert or upsert`);
    }
    const isFunction = typeof change === 'function';
    const input = isFunction ? await change({ ...former.row }) : { ...former.row, ...change };
    const row = await validated(this.#table, this.#definition.schema, input);
    const next = this.placeOf(row);
    if (compareBytes(next.place, place.place) !== 0) {
      const what = `the key of the row ${textOf(parts)} would become ${textOf(next.parts)}`;
      const advice = 'delete the row and insert another one, in one transaction';
      throw this.#refused('invalid-argument', `${what}; nothing was written: ${advice}`);
    }
    return this.#put({ place, former, row, life });
  }

  async delete(parts: readonly unknown[], ifVersion: number | undefined): Promise<boolean> {
    const place = this.placeOfParts(parts);
    const former = await this.#read(place);
    this.#checkVersion(place, former, ifVersion);
    if (former === undefined) return false;
    await this.#drop(place, this.#entriesOf(former.row, place));
    this.#tx.delete(place.key);
    return true;
  }

  placeOf(row: AnyRow): RowPlace {
    return this.placeOfParts(partsOf(this.#catalog, row));
  }

  placeOfParts(parts: readonly unknown[]): RowPlace {
    return placeOfParts(this.#table, this.#catalog.key, parts);
  }

  async #read({ key }: RowPlace): Promise<FormerRow | undefined> {
    const entry = await this.#tx.get(key);
    if (entry === undefined) return undefined;
    const name = nameOfKey(key);
    const ttl = this.#ttls.has(name) ? this.#ttls.get(name) : entry.ttl;
    return { row: entry.value as AnyRow, ttl, version: entry.version };
  }

  #checkVersion({ parts }: RowPlace, former: FormerRow | undefined, wanted?: number): void {
    const version = former?.version ?? 0;
    if (wanted === undefined || wanted === version) return;
    const has = former === undefined ? 'does not exist' : `has version ${version}`;
    const what = `the row ${textOf(parts)} ${has}, not version ${wanted}`;
    const advice = 'read it again, and decide anew';
    throw this.#refused('row-changed', `${what}; nothing was written: ${advice}`);
  }

  async #put({ place, former, row, life }: Putting): Promise<AnyRow> {
    const ttl = this.#ttlOf(life, former);
    const before = former === undefined ? [] : this.#entriesOf(former.row, place);
    const after = this.#entriesOf(row, place);
    const isKept = among(before);
    const isStill = among(after);
    await this.#drop(
      place,
      before.filter((entry) => !isStill(entry)),
    );
    // Entries live with their row, so a new time to live is one of all of them.
    const isTimed = ttl !== undefined || former?.ttl !== undefined;
    const written = isTimed ? after : after.filter((entry) => !isKept(entry));
    const owners = await this.#ownersOf(written.filter(({ isSole }) => isSole));
    for (const entry of written) {
      const owner = entry.isSole ? owners.get(nameOfKey(entry.key)) : undefined;
      const isOther = owner !== undefined && compareBytes(owner, place.place) !== 0;
      if (isOther && (await this.#isAlive(owner, entry))) {
        // Rows that were equal before the index was declared are reported by its build.
        if (isKept(entry)) continue;
        throw this.#violation(entry, owner);
      }
      this.#tx.set(entry.key, place.place, entryLife(ttl));
    }
    this.#tx.set(place.key, row, ttl === undefined ? {} : { ttl });
    this.#ttls.set(nameOfKey(place.key), ttl);
    return row;
  }

  /** Deletes entries of a row. While a unique index is built, an equal row may own the entry. */
  async #drop({ place }: RowPlace, entries: readonly IndexEntry[]): Promise<void> {
    const isDoubtful = ({ isSole, index }: IndexEntry) => isSole && index.state === 'building';
    const owners = await this.#ownersOf(entries.filter(isDoubtful));
    for (const entry of entries) {
      const owner = owners.get(nameOfKey(entry.key));
      if (owner !== undefined && compareBytes(owner, place) !== 0) continue;
      this.#tx.delete(entry.key);
    }
  }

  async #ownersOf(entries: readonly IndexEntry[]): Promise<ReadonlyMap<string, Uint8Array>> {
    if (entries.length === 0) return new Map();
    const found = await this.#tx.getMany(entries.map(({ key }) => key));
    const owners = new Map<string, Uint8Array>();
    for (const [at, { key }] of entries.entries()) {
      const owner = found[at]?.value as Uint8Array | undefined;
      if (owner !== undefined) owners.set(nameOfKey(key), owner);
    }
    return owners;
  }

  /** An entry may outlive its row, which has expired: then the value is free. */
  async #isAlive(owner: Uint8Array, { index, key }: IndexEntry): Promise<boolean> {
    const found: Entry<unknown> | undefined = await this.#tx.get(
      joinBytes(rowPrefix(this.#table), owner),
    );
    if (found === undefined) return false;
    return hasEntry(this.#table, this.#catalog.key, index, found.value as AnyRow, key);
  }

  #entriesOf(row: AnyRow, place: RowPlace): IndexEntry[] {
    return entriesOf(this.#table, this.#catalog.indexes, row, place);
  }

  #ttlOf({ ttl }: RowLife, former: FormerRow | undefined): number | undefined {
    if (ttl === null) return undefined;
    if (ttl !== undefined) return checkTtl(this.#table, ttl);
    return this.#definition.ttl ?? former?.ttl;
  }

  #violation({ index, values }: IndexEntry, owner: Uint8Array): TableError {
    const otherKey = partsAt(owner);
    const what = `index ${index.name} is unique, and the row ${textOf(otherKey)} has the value`;
    const message = `table ${this.#table}: ${what} ${textOf(values)}; nothing was written`;
    const about = { table: this.#table, index: index.name, otherKey };
    return new TableError({ code: 'unique-violation', message, ...about });
  }

  #refused(code: TableError['code'], what: string): TableError {
    return new TableError({ code, table: this.#table, message: `table ${this.#table}: ${what}` });
  }
}

interface Putting {
  readonly place: RowPlace;
  readonly former: FormerRow | undefined;
  readonly row: AnyRow;
  readonly life: RowLife;
}

/** The time to live of the entries of a row. */
export function entryLife(ttl: number | undefined): LifeOptions {
  return ttl === undefined ? {} : { ttl: ttl + TABLE_LIMITS.entryLifeMilliseconds };
}

function among(entries: readonly IndexEntry[]): (entry: IndexEntry) => boolean {
  const names = new Set(entries.map(({ key }) => nameOfKey(key)));
  return ({ key }) => names.has(nameOfKey(key));
}
