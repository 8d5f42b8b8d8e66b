/** The version of a row that was read, beside the row: rows have no field but their own. */

import { TableError } from './table-error.ts';

const VERSIONS = new WeakMap<object, number>();

export function remember<T extends object>(row: T, version: number): T {
  // A transaction reads what it wrote with version 0: that is none yet.
  if (version > 0) VERSIONS.set(row, version);
  return row;
}

/**
 * The version of a row that a table has returned, for `ifVersion`. Throws `invalid-argument` for
 * other objects, also for copies of a row, and for rows that a transaction wrote itself.
 *
 * @example
 * ```ts
 * import { versionOf } from 'ringkv/tables';
 * const ada = await db.users.get(['acme', '7']);
 * if (ada) await db.users.update(ada, { age: ada.age + 1 }, { ifVersion: versionOf(ada) });
 * ```
 */
export function versionOf(row: object): number {
  const version = VERSIONS.get(row);
  if (version !== undefined) return version;
  const message = 'the object is no row that a table has returned: pass the row itself, not a copy';
  throw new TableError({ code: 'invalid-argument', table: '', message });
}
