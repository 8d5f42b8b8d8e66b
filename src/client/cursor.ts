/** Cursors: where a scan was left, as a text that anybody may keep and nobody has to understand. */

import { KvError } from '../base/errors.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { KeyRange } from './core/range.ts';

/** What is left of a scan: it holds no shard, no node and no leader, so it survives them all. */
interface Rest {
  readonly range: KeyRange;
  readonly isReverse: boolean;
}

const VERSION = 1;
const writer = new Writer();

export function encodeCursor({ range, isReverse }: Rest): string {
  writer.clear();
  writer.array(4);
  writer.count(VERSION);
  writer.bytes(range.from);
  writer.bytes(range.to);
  writer.truth(isReverse);
  return Buffer.from(writer.take()).toString('base64url');
}

export function decodeCursor(cursor: string): Rest {
  const reader = new Reader(new Uint8Array(Buffer.from(cursor, 'base64url')));
  reader.tuple(4);
  const version = reader.count();
  const from = reader.bytes(REQUEST_LIMITS.keyBytesMax + 1).slice();
  const to = reader.bytes(REQUEST_LIMITS.keyBytesMax + 1).slice();
  const isReverse = reader.truth();
  if (!reader.isBroken && reader.left === 0 && version === VERSION) {
    return { range: { from, to }, isReverse };
  }
  const message = 'the cursor is none that a scan gave';
  throw new KvError({ code: 'bad-cursor', outcome: 'notApplied', message });
}
