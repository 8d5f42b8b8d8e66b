/** Which key or index answers a query, and what is left to filter and to sort. */

import type { CatalogIndex, TableCatalog } from './catalog.ts';
import { entryPrefix, type PlaceRange, rangeBehind, rowPrefix } from './layout.ts';
import type { FieldTest } from './query.ts';
import { TableError } from './table-error.ts';
import { isAbsent } from './tuple.ts';

/** What is asked, checked. */
export interface CheckedQuery {
  readonly tests: readonly FieldTest[];
  readonly orderBy: readonly string[];
  readonly isReverse: boolean;
  readonly limit: number | undefined;
  readonly mayScan: boolean;
}

export interface AccessPlan {
  /** Undefined for the key of the table. */
  readonly index: CatalogIndex | undefined;
  readonly range: PlaceRange;
  /** The fields that are looked up by equal values, and the one by a range. */
  readonly equal: readonly string[];
  readonly ranged: string | undefined;
  /** The conditions that the range does not imply. */
  readonly filter: readonly FieldTest[];
  /** Where the order comes from. */
  readonly order: 'path' | 'memory';
  /** No more than one row can be found: the range begins with its key, or with its entry. */
  readonly isPoint: boolean;
}

/** How a query is answered, for people and for tests. */
export interface Explanation {
  /** The table. */
  readonly table: string;
  /** What is read: the rows by their key, an index and its rows, or all rows. */
  readonly access: 'key' | 'index' | 'scan';
  /** The index that is read. */
  readonly index: string | undefined;
  /** The fields that are looked up by equal values. */
  readonly equal: readonly string[];
  /** The field that is looked up by a range of values. */
  readonly range: string | undefined;
  /** The fields whose conditions are checked on each row that was read. */
  readonly filter: readonly string[];
  /** Whether rows come in the wanted order as they are read, or are sorted in memory. */
  readonly order: 'path' | 'memory';
  /** What has to be asked. */
  readonly shards: 'one' | 'all';
  /** All of it in a line. */
  readonly text: string;
}

/** The best plan. Throws `no-index` if only a full scan could answer, and none was asked for. */
export function planOf(
  table: string,
  catalog: TableCatalog,
  question: CheckedQuery,
  /** The id of the index to use, 0 for the key: that of a cursor. */
  forced?: number,
): AccessPlan | undefined {
  const paths = [undefined, ...catalog.indexes.filter(({ state }) => state === 'ready')];
  const plans = paths
    .filter((index) => forced === undefined || forced === (index?.id ?? 0))
    .flatMap((index) => planBy(table, catalog, question, index) ?? []);
  const [best] = plans.sort((one, other) => rankOf(other) - rankOf(one));
  if (best === undefined) return undefined;
  if (!question.mayScan && !isBounded(best, question)) throw noIndex(table, question);
  return best;
}

/** The rows that conditions on the key leave. */
export function keyRange(
  table: string,
  catalog: TableCatalog,
  tests: readonly FieldTest[],
): PlaceRange {
  const question = { tests, orderBy: [], isReverse: false, limit: undefined, mayScan: true };
  const plan = planBy(table, catalog, question, undefined);
  return plan?.range ?? rangeBehind(rowPrefix(table), [], undefined);
}

/** How many rows it reads depends on the rows that it returns. */
function isBounded({ equal, ranged, filter, order }: AccessPlan, { limit }: CheckedQuery): boolean {
  if (equal.length > 0 || ranged !== undefined) return true;
  return limit !== undefined && filter.length === 0 && order === 'path';
}

/** A point is best, then equal fields, then a range, then the order, then fewer reads. */
function rankOf({ isPoint, equal, ranged, order, index }: AccessPlan): number {
  const flags = [isPoint, ranged !== undefined, order === 'path', index === undefined];
  const [point = 0, range = 0, path = 0, key = 0] = flags.map(Number);
  return point * 10_000 + equal.length * 100 + range * 10 + path * 4 + key;
}

function planBy(
  table: string,
  catalog: TableCatalog,
  { tests, orderBy }: CheckedQuery,
  index: CatalogIndex | undefined,
): AccessPlan | undefined {
  const fields = index?.on ?? catalog.key;
  const equal: FieldTest[] = [];
  const parts: Uint8Array[] = [];
  for (const [at, field] of fields.entries()) {
    const kind = index?.isEach && at === fields.length - 1 ? 'has' : 'equal';
    const test = tests.find((one) => one.field === field && one.type === kind);
    if (test === undefined || test.type === 'range') break;
    equal.push(test);
    parts.push(test.part);
  }
  // Rows with an empty array have no entry, and those with several elements have several.
  if (index?.isEach && parts.length < fields.length) return undefined;
  const next = fields[parts.length];
  const ranged = tests.find((one) => one.field === next && one.type === 'range');
  // Without a bound, and without an order that it serves, an index only costs more than the rows.
  const isUseless = parts.length === 0 && ranged === undefined && orderBy.length === 0;
  if (index !== undefined && isUseless) return undefined;
  const bounds = ranged?.type === 'range' ? ranged.bounds : undefined;
  const prefix = index === undefined ? rowPrefix(table) : entryPrefix(table, index.id);
  const isUnique = index === undefined || (index.isUnique && !index.isEach);
  const bound = tests.filter(({ type }) => type === 'equal').map(({ field }) => field);
  const rest = [...fields.slice(parts.length), ...catalog.key];
  return {
    index,
    range: rangeBehind(prefix, parts, bounds),
    equal: equal.map(({ field }) => field),
    ranged: ranged?.field,
    filter: tests.filter((test) => !equal.includes(test) && test !== ranged),
    order: isInOrder(orderBy, rest, bound) ? 'path' : 'memory',
    // Rows that lack a value of a unique index are several.
    isPoint: isUnique && parts.length === fields.length && !parts.some(isAbsent),
  };
}

/** Fields with equal values are in any order. */
function isInOrder(
  wanted: readonly string[],
  fields: readonly string[],
  equal: readonly string[],
): boolean {
  const open = [...new Set(fields)].filter((field) => !equal.includes(field));
  return wanted.filter((field) => !equal.includes(field)).every((field, at) => open[at] === field);
}

export function explained(table: string, { index, ...plan }: AccessPlan): Explanation {
  const { equal, ranged, order } = plan;
  const isScan = equal.length === 0 && ranged === undefined && index === undefined;
  const access = index !== undefined ? 'index' : isScan ? 'scan' : 'key';
  const filter = plan.filter.map(({ field }) => field);
  const shards = equal.length > 0 ? 'one' : 'all';
  const words = [
    `${table}: ${access === 'index' ? `index ${index?.name}` : access}`,
    ...(equal.length > 0 ? [`equal ${equal.join(', ')}`] : []),
    ...(ranged === undefined ? [] : [`range of ${ranged}`]),
    ...(filter.length > 0 ? [`filter ${filter.join(', ')}`] : []),
    ...(order === 'memory' ? ['sort in memory'] : []),
    shards === 'one' ? 'one shard' : 'all shards',
  ];
  const text = words.join(', ');
  return { table, access, index: index?.name, equal, range: ranged, filter, order, shards, text };
}

function noIndex(table: string, { tests, orderBy }: CheckedQuery): TableError {
  const named = (type: FieldTest['type']) =>
    tests.filter((test) => test.type === type).map(({ field }) => field);
  const ends = named('has').length > 0 ? named('has').slice(0, 1) : [];
  const range = [...new Set([...orderBy, ...named('range')])];
  const on = [...named('equal'), ...(ends.length > 0 ? ends : range)];
  const each = ends.length > 0 ? ', each: true' : '';
  const asked = tests.map(({ field }) => field).join(', ') || 'no field';
  const serving = `declare an index { on: ${JSON.stringify(on)}${each} }`;
  const limited = 'give a limit without conditions';
  const advice = on.length > 0 ? serving : limited;
  const message =
    `table ${table}: only a scan of all rows answers a query on ${asked}; nothing was read: ` +
    `${advice}, or allow it with { scan: true }`;
  return new TableError({ code: 'no-index', table, message });
}
