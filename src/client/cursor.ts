/** Cursors: the position of a scan, as text that may be stored anywhere. */

import { KvError } from '../base/errors.ts';
import { hash } from '../base/hash.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { isWithin, type KeyRange, rangeBehind } from './core/range.ts';

/** What a scan reads. A cursor fits only scans of the same shape. */
export interface ScanShape {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  /** The prefix of all its keys. A cursor holds what follows it. */
  readonly space: Uint8Array;
}

const VERSION = 2;
const writer = new Writer();

/**
 * `[version, digest, digest, position]`, the last only after a key was given. It names no shard,
 * node or leader, so it outlives them all.
 */
export function encodeCursor(shape: ScanShape, last: Uint8Array | undefined): string {
  const digests = digestsOf(shape);
  writer.clear();
  writer.array(last === undefined ? 3 : 4);
  writer.count(VERSION);
  for (const digest of digests) writer.count(digest);
  if (last !== undefined) writer.bytes(last.subarray(shape.space.length));
  return Buffer.from(writer.take()).toString('base64url');
}

/** The last key that was given, if there was one. Throws `bad-cursor` for that of another scan. */
export function decodeCursor(cursor: string, shape: ScanShape): Uint8Array | undefined {
  const reader = new Reader(new Uint8Array(Buffer.from(cursor, 'base64url')));
  const length = reader.array(4, 1);
  const version = reader.count();
  if (reader.isBroken || version !== VERSION || length < 3)
    throw badCursor('it is not a cursor of a scan');
  const [first, second] = digestsOf(shape);
  const digests = [reader.count(), reader.count()];
  const position = length === 4 ? reader.bytes(REQUEST_LIMITS.keyBytesMax) : undefined;
  if (reader.isBroken || reader.left > 0) throw badCursor('it is not a cursor of a scan');
  if (digests[0] !== first || digests[1] !== second)
    throw badCursor('it belongs to a scan of another space, range or direction');
  if (position === undefined) return undefined;
  const last = new Uint8Array([...shape.space, ...position]);
  // The digests show mistakes; a scan must stay in its range even if they are forged.
  if (!isWithin(last, shape.range)) throw badCursor('its position is outside of the range');
  return last;
}

/** The rest of the scan after the last key that it gave. */
export function rangeLeft({ range, isReverse }: ScanShape, last: Uint8Array | undefined): KeyRange {
  return last === undefined ? range : rangeBehind(range, { last, isReverse });
}

function digestsOf({ range, isReverse, space }: ScanShape): readonly [number, number] {
  writer.clear();
  writer.bytes(space);
  writer.bytes(range.from);
  writer.bytes(range.to);
  writer.truth(isReverse);
  const bytes = writer.take();
  return [hash(bytes, 0), hash(bytes, 1)];
}

function badCursor(why: string): KvError {
  const message = `the cursor does not fit this scan: ${why}`;
  return new KvError({ code: 'bad-cursor', outcome: 'notApplied', message });
}
