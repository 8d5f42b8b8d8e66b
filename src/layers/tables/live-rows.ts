/** Live queries: a watch of the rows of a table, and which of them fit. */

import type { Watch, WatchEvent } from '../../index.ts';
import { type AnyRow, nameOfKey } from './entries.ts';
import { partsAt, rowPrefix } from './layout.ts';
import { TABLE_LIMITS } from './limits.ts';
import { type FieldTest, fits } from './query.ts';
import { remember } from './row-version.ts';
import { TableError } from './table-error.ts';
import type { LiveRows, RowEvent } from './tables-api.ts';

interface WatchedRowsParts {
  readonly table: string;
  readonly watch: Watch<WatchEvent<unknown>>;
  readonly tests: readonly FieldTest[];
}

export class WatchedRows implements LiveRows<AnyRow> {
  readonly #table: string;
  readonly #watch: Watch<WatchEvent<unknown>>;
  readonly #tests: readonly FieldTest[];
  /** The rows that fit, to tell when one does not any more. */
  readonly #fitting = new Map<string, Uint8Array>();
  /** Those that were met since all rows are being read again; undefined while they are not. */
  #met: Set<string> | undefined;

  constructor({ table, watch, tests }: WatchedRowsParts) {
    this.#table = table;
    this.#watch = watch;
    this.#tests = tests;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RowEvent<AnyRow>, void, undefined> {
    for await (const event of this.#watch) yield* this.#eventsOf(event);
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  *#eventsOf(event: WatchEvent<unknown>): Generator<RowEvent<AnyRow>, void, undefined> {
    switch (event.type) {
      case 'set':
        yield* this.#written(event.key as Uint8Array, event.value as AnyRow, event.version);
        return;
      case 'delete':
        yield* this.#left(event.key as Uint8Array, 'deleted');
        return;
      case 'expire':
        yield* this.#left(event.key as Uint8Array, 'expired');
        return;
      case 'compacted':
        if (!event.differences) this.#met = new Set();
        return;
      case 'synced':
        for (const [name, key] of this.#fitting) {
          if (this.#met?.has(name) === false) yield* this.#left(key, 'lost');
        }
        this.#met = undefined;
        yield { type: 'synced' };
        return;
      default:
        // Progress and lag concern the watch below.
        return;
    }
  }

  *#written(key: Uint8Array, row: AnyRow, version: number): Generator<RowEvent<AnyRow>, void> {
    const name = nameOfKey(key);
    this.#met?.add(name);
    if (!fits(row, this.#tests)) {
      yield* this.#left(key, 'changed');
      return;
    }
    const type = this.#fitting.has(name) ? 'change' : 'enter';
    this.#fitting.set(name, key);
    if (this.#fitting.size > TABLE_LIMITS.liveRowsMax) throw tooManyRows(this.#table);
    yield { type, key: this.#partsOf(key), row: remember(row, version) };
  }

  *#left(
    key: Uint8Array,
    why: 'changed' | 'deleted' | 'expired' | 'lost',
  ): Generator<RowEvent<AnyRow>, void> {
    if (this.#fitting.delete(nameOfKey(key))) yield { type: 'leave', key: this.#partsOf(key), why };
  }

  #partsOf(key: Uint8Array): readonly unknown[] {
    return partsAt(key.subarray(rowPrefix(this.#table).length));
  }
}

function tooManyRows(table: string): TableError {
  const max = TABLE_LIMITS.liveRowsMax;
  const what = `a live query has more than ${max} rows (liveRowsMax), and has ended`;
  const message = `table ${table}: ${what}: add conditions to where`;
  return new TableError({ code: 'too-many-rows', table, message });
}
