/** Cursors of `find`: where a page ended, as a text. */

import type { AccessPlan, CheckedQuery } from './plan.ts';
import { TableError } from './table-error.ts';
import { compareBytes } from './tuple.ts';

/** Behind a row. The position has the key of the row in it, so rows with equal values differ. */
export interface CursorPlace {
  /** The id of the index, 0 for the key of the table. */
  readonly path: number;
  readonly order: AccessPlan['order'];
  readonly position: Uint8Array;
}

export function cursorOf(place: CursorPlace, { orderBy, isReverse }: CheckedQuery): string {
  const { path, order } = place;
  const position = Buffer.from(place.position).toString('base64');
  const text = JSON.stringify([path, order, isReverse, orderBy, position]);
  return Buffer.from(text).toString('base64url');
}

/** Throws `bad-cursor` for a text that is none, or one of another order. */
export function placeIn(table: string, cursor: string, question: CheckedQuery): CursorPlace {
  const place = parsed(cursor, question);
  if (place !== undefined) return place;
  throw badCursor(table);
}

/** A cursor of another query leads to a place outside of the range. */
export function checkPlace(table: string, place: CursorPlace, plan: AccessPlan): void {
  if (place.order === 'memory') return;
  const { from, to } = plan.range;
  const { position } = place;
  if (compareBytes(position, from) < 0 || compareBytes(position, to) >= 0) throw badCursor(table);
}

export function badCursor(table: string): TableError {
  const what = 'the cursor is not of this query, or its index was dropped; nothing was read';
  const advice = 'pass a cursor on as it was returned, with the same where, orderBy and reverse';
  return new TableError({
    code: 'bad-cursor',
    table,
    message: `table ${table}: ${what}: ${advice}`,
  });
}

function parsed(cursor: unknown, { orderBy, isReverse }: CheckedQuery): CursorPlace | undefined {
  if (typeof cursor !== 'string') return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts)) return undefined;
    const [path, order, direction, fields, position] = parts as unknown[];
    if (direction !== isReverse || JSON.stringify(fields) !== JSON.stringify(orderBy)) {
      return undefined;
    }
    if (typeof path !== 'number' || typeof position !== 'string') return undefined;
    if (order !== 'path' && order !== 'memory') return undefined;
    return { path, order, position: new Uint8Array(Buffer.from(position, 'base64')) };
  } catch {
    return undefined;
  }
}
