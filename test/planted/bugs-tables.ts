/** Bugs of the tables layer: indexes, unique values, queries, builds and lives of rows. */

import type { Bug, Planted } from './bug.ts';

const WRITER = { file: 'src/layers/tables/row-writer.ts', tests: ['tables', 'model'] };
const BUILD = { file: 'src/layers/tables/index-building.ts', tests: ['building'] };
const FINDING = { file: 'src/layers/tables/finding.ts', tests: ['tables', 'model'] };
const OPEN = { file: 'src/layers/tables/open-table.ts', tests: ['building'] };
const LIVES = ['lives'];

const PLANTED: readonly Planted[] = [
  {
    ...WRITER,
    name: 'index-of-inserts-only',
    sentence: 'an update of a row does not write its new entries in the transaction',
    find: 'const isKept = among(before);',
    replace: 'const isKept = former === undefined ? among(before) : () => true;',
  },
  {
    ...WRITER,
    name: 'former-entries-stay',
    sentence: 'the entries of the former values of a row stay in the index',
    find: 'before.filter((entry) => !isStill(entry))',
    replace: '[]',
  },
  {
    ...WRITER,
    name: 'unique-without-a-check',
    sentence: 'a row takes a unique value that another row has',
    find: 'if (isOther && (await this.#isAlive(owner, entry))) {',
    replace: 'if (false) {',
  },
  {
    ...WRITER,
    name: 'any-version-is-current',
    sentence: 'an update with a stale version is done all the same',
    find: 'if (wanted === undefined || wanted === version) return;',
    replace: 'return;',
  },
  {
    ...WRITER,
    tests: LIVES,
    name: 'expired-row-keeps-its-value',
    sentence: 'a unique value of a row that has expired is not free',
    find: 'if (found === undefined) return false;',
    replace: 'if (found === undefined) return true;',
  },
  {
    ...WRITER,
    tests: LIVES,
    name: 'update-for-ever',
    sentence: 'an update makes a row live for ever that would have expired',
    find: 'return this.#definition.ttl ?? former?.ttl;',
    replace: 'return this.#definition.ttl;',
  },
  {
    file: 'src/layers/tables/tables.ts',
    tests: ['tables'],
    name: 'unique-check-out-of-turn',
    sentence: 'two writes of one transaction check a unique value before either takes it',
    find: 'const result = this.#last.then(work);',
    replace: 'const result = work();',
  },
  {
    ...FINDING,
    tests: LIVES,
    name: 'stale-entry-served',
    sentence: 'a row is served by an entry that is not its own any more',
    find: 'if (!isCurrent || !fits(row, filter))',
    replace: 'if (!fits(row, filter))',
  },
  {
    ...FINDING,
    name: 'filter-forgotten',
    sentence: 'conditions that the index does not cover are not checked',
    find: 'if (!isCurrent || !fits(row, filter))',
    replace: 'if (!isCurrent)',
  },
  {
    ...FINDING,
    name: 'cursor-skips-equal-values',
    sentence: 'the next page begins behind all rows with the value of the last one',
    find: 'from = joinBytes(after.position, Uint8Array.of(0));',
    replace: 'from = behind(after.position.subarray(0, after.position.length - 3));',
  },
  {
    ...FINDING,
    name: 'cursor-repeats-backwards',
    sentence: 'in reverse order the last row of a page is the first one of the next',
    find: 'to = after.position;',
    replace: 'to = behind(after.position);',
  },
  {
    file: 'src/layers/tables/row-reading.ts',
    tests: ['building'],
    name: 'dropped-index-is-empty',
    sentence: 'a query by an index that was dropped finds no rows',
    find: 'if (isThere) return rows;',
    replace: 'return rows;',
  },
  {
    file: 'src/layers/tables/plan.ts',
    tests: ['building'],
    name: 'unfinished-index-is-used',
    sentence: 'queries use an index that is still being built',
    find: "catalog.indexes.filter(({ state }) => state === 'ready')",
    replace: 'catalog.indexes',
  },
  {
    file: 'src/layers/tables/plan.ts',
    tests: ['tables'],
    name: 'absent-value-is-a-point',
    sentence: 'rows that lack a value of a unique index are looked up as if one could have it',
    find: '&& !parts.some(isAbsent)',
    replace: '',
  },
  {
    ...OPEN,
    name: 'writer-misses-an-index',
    sentence: 'a commit does not check the catalog, so another process writes without a new index',
    find: 'tx.check(this.#catalogKey, this.#version);',
    replace: '',
  },
  {
    ...OPEN,
    name: 'old-catalog-for-ever',
    sentence: 'a write that meets a newer catalog is repeated with the old one',
    find: 'await Promise.all([...tables].map((table) => table.reload()));',
    replace: '',
  },
  {
    ...BUILD,
    name: 'backfill-misses-a-write',
    sentence: 'the build reads rows outside of its transaction, and misses writes in between',
    find: 'for (const found of await tx.getMany(rowKeys)) {',
    replace: 'for (const found of await open.keys.getMany(rowKeys)) {',
  },
  {
    ...BUILD,
    name: 'duplicates-built-over',
    sentence: 'a unique index is built over equal values, and has one of the rows',
    find: 'if (owner === undefined || compareBytes(owner, place) === 0) {',
    replace: 'if (true) {',
  },
  {
    ...BUILD,
    name: 'expired-row-is-a-duplicate',
    sentence: 'a build takes the entry of a row that has expired for an equal value',
    find: 'return row !== undefined && hasEntry(table, catalog.key, index, row, key);',
    replace: 'return row !== undefined;',
  },
  {
    ...BUILD,
    name: 'failed-build-leaves-entries',
    sentence: 'a unique index that cannot be built leaves its entries',
    find: 'await open.keys.clear({ prefix: entryPrefix(open.name, id) });',
    replace: '',
  },
  {
    ...BUILD,
    name: 'build-begins-anew',
    sentence: 'a build that was cut off begins at the first row',
    find: 'if (duplicates.length === 0) await keys.set(key, { after, rows });',
    replace: '',
  },
  {
    file: 'src/layers/tables/layout.ts',
    tests: ['tuple'],
    name: 'brace-ends-the-tag-early',
    sentence: 'a brace in the first part of a key ends the tag, and two values share a place',
    find: 'else if (byte === BRACE_CLOSE[0]) bytes.push(ESCAPE, ESCAPED_BRACE);',
    replace: '',
  },
  {
    file: 'src/layers/tables/tuple.ts',
    tests: ['tuple'],
    name: 'text-with-a-zero-sorts-wrong',
    sentence: 'the lowest byte of a text is not escaped, and ends the part',
    find: 'if (byte <= ESCAPE) escapes += 1;',
    replace: 'if (byte === ESCAPE) escapes += 1;',
  },
  {
    file: 'src/layers/tables/live-rows.ts',
    tests: LIVES,
    name: 'rows-never-leave',
    sentence: 'a live query does not tell that a changed row fits no more',
    find: "yield* this.#left(key, 'changed');",
    replace: '',
  },
  {
    file: 'src/layers/tables/stored-value.ts',
    tests: ['tables'],
    name: 'bigint-becomes-a-number',
    sentence: 'a small bigint of a row is read as a text',
    find: 'for (const path of bigints) whole = restored(whole, path);',
    replace: '',
  },
];

export const TABLE_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { isFast: false, ...bug, profiles: [] };
});
