/** A table that is open in this process: what it knows of the catalog, and transactions on it. */

import {
  isKvError,
  type Plain,
  type Space,
  type Transaction,
  type TransactionDetails,
  type TransactionOptions,
} from '../../index.ts';
import type { TableCatalog } from './catalog.ts';
import { adopt } from './catalog.ts';
import type { TableDefinition } from './definition.ts';
import { catalogKey } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';

interface OpenTableParts {
  readonly name: string;
  readonly definition: TableDefinition;
  readonly keys: Space<unknown>;
}

export class OpenTable {
  readonly name: string;
  readonly definition: TableDefinition;
  readonly keys: Space<unknown>;
  readonly #catalogKey: Uint8Array;
  /** The catalog as it was read last. Commits check the version, so an old one writes nothing. */
  #catalog: TableCatalog | undefined;
  #version = 0;

  constructor({ name, definition, keys }: OpenTableParts) {
    this.name = name;
    this.definition = definition;
    this.keys = keys;
    this.#catalogKey = catalogKey(name);
  }

  get catalog(): TableCatalog {
    if (this.#catalog === undefined) throw new Error(`the table ${this.name} is not open`);
    return this.#catalog;
  }

  get version(): number {
    return this.#version;
  }

  get catalogKey(): Uint8Array {
    return this.#catalogKey;
  }

  /** Reads the catalog, and makes it what the definition demands. */
  async open(): Promise<void> {
    await this.change((existing) => adopt(this.name, this.definition, existing));
  }

  /** Replaces the catalog; the same object, or undefined, leaves it as it is. */
  async change(
    changed: (existing: TableCatalog | undefined) => TableCatalog | undefined,
  ): Promise<void> {
    await this.keys.transaction(async (tx) => {
      const existing = (await tx.get(this.#catalogKey))?.value as TableCatalog | undefined;
      const next = changed(existing);
      if (next !== undefined && next !== existing) tx.set(this.#catalogKey, next);
    });
    await this.reload();
  }

  /** Reads the catalog as it is now. */
  async reload(): Promise<void> {
    const entry = await this.keys.get(this.#catalogKey);
    if (entry === undefined) throw new Error(`the table ${this.name} has no catalog any more`);
    if (entry.version <= this.#version) return;
    this.#catalog = entry.value as TableCatalog;
    this.#version = entry.version;
  }

  /** The transaction takes effect only if the catalog of this process is the current one. */
  guard(tx: Transaction<unknown>): void {
    tx.check(this.#catalogKey, this.#version);
  }
}

/**
 * Runs a transaction on tables; `work` guards those that it uses. It runs again with the new
 * catalog if one has changed, so a write never misses an index that another process has added.
 */
export async function transact<T>(
  keys: Space<unknown>,
  tables: Iterable<OpenTable>,
  work: (tx: Transaction<unknown>) => Promise<T>,
  options: Plain<TransactionOptions> = {},
): Promise<TransactionDetails<T>> {
  for (let reloads = 0; ; reloads++) {
    try {
      return await keys.transaction(work, { ...options, details: true });
    } catch (error) {
      const isCheck = isKvError(error) && error.code === 'check-failed';
      if (!isCheck || reloads === TABLE_LIMITS.reloadsMax) throw error;
      // Another call may have reloaded it already: that nothing is new here says nothing.
      await Promise.all([...tables].map((table) => table.reload()));
    }
  }
}
