/** Cursors: where a scan was left, as text that may be kept anywhere. */

import { KvError } from '../base/errors.ts';
import { hash } from '../base/hash.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { isWithin, type KeyRange, rangeBehind } from './core/range.ts';

/** What a scan goes through. A cursor belongs to the shape of its scan and fits no other. */
export interface ScanShape {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  /** What all its keys begin with. A cursor holds what stands behind it. */
  readonly space: Uint8Array;
}

const VERSION = 2;
const writer = new Writer();

/**
 * `[version, digest, digest, position]`, the last only behind a key that was given. It names no
 * shard, no node and no leader, so it outlives them all.
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
  if (reader.isBroken || version !== VERSION || length < 3) throw badCursor('no scan made it');
  const [first, second] = digestsOf(shape);
  const digests = [reader.count(), reader.count()];
  const position = length === 4 ? reader.bytes(REQUEST_LIMITS.keyBytesMax) : undefined;
  if (reader.isBroken || reader.left > 0) throw badCursor('no scan made it');
  if (digests[0] !== first || digests[1] !== second)
    throw badCursor('it is of a scan of another space, range or direction');
  if (position === undefined) return undefined;
  const last = new Uint8Array([...shape.space, ...position]);
  // The digests tell a mistake; that a scan never leaves its range does not depend on them.
  if (!isWithin(last, shape.range)) throw badCursor('it points outside of the range');
  return last;
}

/** What is left of the scan behind the last key that it gave. */
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
