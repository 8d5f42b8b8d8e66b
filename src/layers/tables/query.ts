/** Conditions of queries: as ranges of encoded values, and whether a row fits them. */

import type { AnyRow } from './entries.ts';
import type { PartBounds } from './layout.ts';
import { TableError, textOf } from './table-error.ts';
import { behind, compareBytes, encodePart, encodeTextPrefix } from './tuple.ts';

/** A condition on one field. */
export type FieldTest =
  | { readonly type: 'equal'; readonly field: string; readonly part: Uint8Array }
  | { readonly type: 'range'; readonly field: string; readonly bounds: PartBounds }
  /** The field is an array with this element. */
  | { readonly type: 'has'; readonly field: string; readonly part: Uint8Array };

/** The conditions of a `where`, all of which have to hold. */
export function testsOf(table: string, where: object = {}): FieldTest[] {
  return Object.entries(where).map(([field, condition]) => testOf(table, field, condition));
}

export function fits(row: AnyRow, tests: readonly FieldTest[]): boolean {
  return tests.every((test) => fitsOne(row[test.field], test));
}

function fitsOne(value: unknown, test: FieldTest): boolean {
  if (test.type === 'has') {
    return Array.isArray(value) && value.some((element) => isPart(element, test.part));
  }
  if (test.type === 'equal') return isPart(value, test.part);
  const part = encodePart(value);
  const { from, to } = test.bounds;
  if (typeof part === 'string') return false;
  return compareBytes(part, from) >= 0 && compareBytes(part, to) < 0;
}

function isPart(value: unknown, part: Uint8Array): boolean {
  const bytes = encodePart(value);
  return typeof bytes !== 'string' && compareBytes(bytes, part) === 0;
}

const OPERATORS = ['eq', 'gt', 'gte', 'lt', 'lte', 'startsWith', 'has'];

function testOf(table: string, field: string, condition: unknown): FieldTest {
  if (condition === undefined) {
    // A variable that is not set must not widen the query.
    throw refused(table, field, 'is undefined; leave the field out, or use null for absent');
  }
  if (!isOperators(condition)) return { type: 'equal', field, part: partOf(condition) };
  const named = Object.entries(condition);
  const unknown = named.find(([name]) => !OPERATORS.includes(name));
  if (unknown !== undefined || named.length === 0) {
    const names = OPERATORS.join(', ');
    throw refused(table, field, `has ${textOf(condition)}; the operators are ${names}`);
  }
  const [[only = '', value] = []] = named;
  if (named.length === 1 && only === 'eq') return { type: 'equal', field, part: partOf(value) };
  if (named.length === 1 && only === 'has') return { type: 'has', field, part: partOf(value) };
  if ('eq' in condition || 'has' in condition) {
    throw refused(table, field, 'has eq or has together with another operator; use one of them');
  }
  return { type: 'range', field, bounds: named.map(boundsOf).reduce(intersection) };

  function partOf(given: unknown): Uint8Array {
    const bytes = encodePart(given);
    if (typeof bytes !== 'string' && given !== undefined) return bytes;
    const what = typeof bytes === 'string' ? bytes : 'undefined';
    throw refused(table, field, `is compared with a value that is ${what}`);
  }

  function boundsOf([name, given]: readonly [string, unknown]): PartBounds {
    if (name === 'startsWith') {
      if (typeof given !== 'string') throw refused(table, field, 'startsWith takes a text');
      const prefix = encodeTextPrefix(given);
      return { from: prefix, to: behind(prefix) };
    }
    const part = partOf(given);
    // Values of another kind are neither less nor greater.
    const kind = part.subarray(0, 1);
    if (name === 'gt') return { from: behind(part), to: behind(kind) };
    if (name === 'gte') return { from: part, to: behind(kind) };
    return { from: kind, to: name === 'lt' ? part : behind(part) };
  }
}

function intersection(one: PartBounds, other: PartBounds): PartBounds {
  return {
    from: compareBytes(one.from, other.from) >= 0 ? one.from : other.from,
    to: compareBytes(one.to, other.to) <= 0 ? one.to : other.to,
  };
}

/** An object that is no value. */
function isOperators(condition: unknown): condition is Record<string, unknown> {
  if (typeof condition !== 'object' || condition === null) return false;
  return !(condition instanceof Uint8Array || condition instanceof Date);
}

function refused(table: string, field: string, what: string): TableError {
  const message = `table ${table}: the condition on ${field} ${what}; nothing was read`;
  return new TableError({ code: 'invalid-argument', table, message });
}
