/** What the client takes of a stream, message by message. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NO_BYTES, Writer } from '../../../src/base/message-pack.ts';
import {
  type StreamMessage,
  StreamReader,
} from '../../../src/client/core/streams/stream-reader.ts';
import type { StreamMark } from '../../../src/client/core/streams/watch-call.ts';
import { writeChange } from '../../../src/machine/change-codec.ts';
import type { KeyChange } from '../../../src/machine/key-change.ts';

const text = new TextEncoder();
const RANGE = { from: text.encode('b'), to: text.encode('y') };

function changeOf(key: string, version: number, previous = 0): KeyChange {
  const rest = { value: text.encode('v'), transaction: 0, isLast: true };
  return { kind: 'set', key: text.encode(key), previous, version, ...rest };
}

interface Sent {
  readonly after: number;
  readonly through: number;
  readonly kind?: StreamMessage['kind'];
  readonly changes?: readonly KeyChange[];
  readonly cursor?: string;
}

function messageOf({
  after,
  through,
  kind = 'changes',
  changes = [],
  cursor,
}: Sent): StreamMessage {
  const writer = new Writer();
  for (const change of changes) writeChange(writer, change);
  const rest = { block: writer.take().slice(), cursor: cursor ? text.encode(cursor) : NO_BYTES };
  const at = { sequence: 1, after, through, throughTerm: 3 };
  return { type: 'changes', id: 1, ...at, kind, ...rest };
}

function readerAt(index: number, skip = 0): StreamReader {
  const mark: StreamMark = { position: { index, term: 3 }, skip };
  return new StreamReader({ range: RANGE, keysOnly: false, mark });
}

/** The versions that were told; or what was said instead. */
function take(reader: StreamReader, sent: Sent): readonly number[] | string {
  const taken = reader.take(messageOf(sent));
  if (taken.type === 'refused') return taken.why;
  return taken.type === 'part' ? 'part' : taken.changes.map(({ version }) => version);
}

test('a message is taken only where the reader is', () => {
  const reader = readerAt(7);
  const sent = { after: 7, through: 9, changes: [changeOf('c', 8), changeOf('d', 9)] };
  deepEqual(take(reader, sent), [8, 9]);
  equal(take(reader, sent), 'it continues behind 7, and the client is at 9');
  const later = { after: 11, through: 12, changes: [changeOf('c', 12)] };
  equal(take(reader, later), 'it continues behind 11, and the client is at 9');
  deepEqual(reader.mark, { position: { index: 9, term: 3 }, skip: 0 });
});

test('parts of an entry are told together, and another stream sends them again', () => {
  const reader = readerAt(7);
  equal(take(reader, { after: 7, through: 7, changes: [changeOf('c', 8)] }), 'part');
  equal(reader.index, 7);
  equal(take(reader, { after: 7, through: 7, kind: 'progress' }), PROGRESS_IN_AN_ENTRY);
  deepEqual(reader.begin(), { position: { index: 7, term: 3 }, cursor: undefined });
  equal(take(reader, { after: 7, through: 7, changes: [changeOf('c', 8)] }), 'part');
  deepEqual(take(reader, { after: 7, through: 8, changes: [changeOf('d', 8)] }), [8, 8]);
});

const PROGRESS_IN_AN_ENTRY = 'progress in the middle of an entry';

test('changes that were told before are skipped by their number, over several messages', () => {
  const reader = readerAt(7, 3);
  const two = { after: 7, through: 9, changes: [changeOf('c', 8), changeOf('d', 9)] };
  deepEqual(take(reader, two), []);
  deepEqual(reader.mark, { position: { index: 9, term: 3 }, skip: 1 });
  const more = { after: 9, through: 11, changes: [changeOf('c', 10), changeOf('d', 11)] };
  deepEqual(take(reader, more), [11]);
  equal(reader.mark?.skip, 0);
});

test('a range is read page by page, and is no position before its end', () => {
  const reader = new StreamReader({ range: RANGE, keysOnly: false, mark: undefined });
  equal(reader.begin(), undefined);
  const page = { after: 0, through: 5, kind: 'rows', changes: [changeOf('c', 2)] } as const;
  deepEqual(take(reader, { ...page, cursor: 'd' }), [2]);
  equal(reader.mark, undefined);
  deepEqual(reader.begin(), { position: { index: 5, term: 3 }, cursor: text.encode('d') });
  // Behind the cursor nothing can have been told to change.
  const early = { after: 5, through: 6, changes: [changeOf('e', 6)] };
  equal(take(reader, early), 'a change that is not of its range');
  deepEqual(take(reader, { after: 5, through: 6, changes: [changeOf('c', 6, 2)] }), [6]);
  equal(
    take(reader, { ...page, after: 6, through: 6, cursor: 'd' }),
    'a page that does not advance',
  );
  const end = { after: 6, through: 6, kind: 'rows-end', changes: [changeOf('x', 4)] } as const;
  deepEqual(take(reader, end), [4]);
  deepEqual(reader.mark, { position: { index: 6, term: 3 }, skip: 0 });
  equal(take(reader, end), 'a row behind the end of the range');
});

test('what is not of the range, or cannot be read, is refused', () => {
  const reader = readerAt(7);
  const foreign = { after: 7, through: 8, changes: [changeOf('z', 8)] };
  equal(take(reader, foreign), 'a change that is not of its range');
  const broken = { ...messageOf({ after: 7, through: 8 }), block: new Uint8Array([1, 2, 3]) };
  deepEqual(reader.take(broken), { type: 'refused', why: 'changes that cannot be read' });
  equal(reader.index, 7);
});
