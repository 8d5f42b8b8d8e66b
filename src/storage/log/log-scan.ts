/** Finds the batches of a segment: which are complete, and which records of others are lost. */

import { assert } from '../../base/assert.ts';
import { decodeRuns, endBytes } from './log-batch.ts';
import {
  ALIGNMENT,
  HEADER_BYTES,
  KIND,
  type RecordBuffer,
  type RecordHeader,
  type RecordName,
  type RecordPlace,
  readHeader,
  readPayload,
  recordBytes,
} from './log-record.ts';
import { firstPrevious, PREAMBLE_BYTES, type SegmentHeader } from './log-segment.ts';

/** A record that the directory names and that was not found. */
export interface LostRecord extends RecordName {
  readonly ordinal: number;
  /** The offset of the record before it, or of the batch. */
  readonly offset: number;
}

export interface FoundBatch {
  readonly number: number;
  readonly start: number;
  end: number;
  readonly records: RecordHeader[];
  /** Ordinals of records whose header is intact and whose payload is damaged. */
  readonly damaged: Set<number>;
  /** Records that no directory names may be lost too: why, and where. */
  unknown: { readonly offset: number; readonly text: string } | undefined;
  readonly lost: LostRecord[];
  /** The end record is damaged, although all other records are known. */
  isEndLost: boolean;
}

export function isWhole(batch: FoundBatch): boolean {
  if (batch.unknown !== undefined || batch.lost.length > 0 || batch.isEndLost) return false;
  return batch.damaged.size === 0;
}

/** The batches in order. A crash or damage may have left gaps. */
export function scanSegment(buffer: RecordBuffer, header: SegmentHeader): FoundBatch[] {
  const batches: FoundBatch[] = [];
  let at = PREAMBLE_BYTES;
  let previous: number | undefined = firstPrevious(header);
  let open: FoundBatch | undefined;
  while (at + HEADER_BYTES <= buffer.bytes.length) {
    const found = readHeader(buffer, at, placeOf(header, at));
    const isNext =
      found !== undefined &&
      (previous === undefined || found.previous === previous) &&
      found.batch >= (open?.number ?? batches.at(-1)?.number ?? 1);
    if (!isNext) {
      const next = findRecord(buffer, at + ALIGNMENT, header);
      if (next === undefined) break;
      at = next;
      previous = undefined;
      continue;
    }
    if (open !== undefined && open.number !== found.batch) {
      close(buffer, open, found.offset);
      open = undefined;
    }
    if (open === undefined) {
      open = newBatch(found);
      batches.push(open);
    }
    open.records.push(found);
    if (readPayload(buffer, at, found) === undefined) open.damaged.add(found.ordinal);
    at += recordBytes(found.length);
    open.end = at;
    previous = found.crc;
    if (found.kind === KIND.end) {
      close(buffer, open, at);
      open = undefined;
    }
  }
  if (open !== undefined) close(buffer, open, undefined);
  return batches;
}

function newBatch({ batch, offset }: RecordHeader): FoundBatch {
  return {
    number: batch,
    start: offset,
    end: offset,
    records: [],
    damaged: new Set(),
    unknown: undefined,
    lost: [],
    isEndLost: false,
  };
}

function placeOf({ epoch, salt }: SegmentHeader, offset: number): RecordPlace {
  return { epoch, salt, offset };
}

/** The first offset from `from` on where a record of this segment begins. */
function findRecord(buffer: RecordBuffer, from: number, header: SegmentHeader): number | undefined {
  const { words } = buffer;
  const { epoch } = header;
  for (let word = from / 4 + 4; word < words.length; word += ALIGNMENT / 4) {
    if (words[word] !== epoch) continue;
    const at = (word - 4) * 4;
    if (readHeader(buffer, at, placeOf(header, at)) !== undefined) return at;
  }
  return undefined;
}

/** Completes a batch; `next` is the offset of the batch after it. */
function close(buffer: RecordBuffer, batch: FoundBatch, next: number | undefined): void {
  const end = batch.records.at(-1);
  assert(end !== undefined, 'a batch has a record');
  if (end.kind !== KIND.end) return closeWithoutEnd(batch, next);
  batch.records.pop();
  const isEndDamaged = batch.damaged.delete(end.ordinal);
  if (batch.records.length === end.ordinal && !isEndDamaged) return;
  const payload = readPayload(buffer, end.offset, end);
  const names = payload === undefined ? undefined : decodeRuns(payload, end.ordinal);
  if (names === undefined) {
    if (batch.records.length === end.ordinal) batch.isEndLost = true;
    else batch.unknown = { offset: end.offset, text: 'records and their directory are damaged' };
    return;
  }
  const offsets = new Map(batch.records.map(({ ordinal, offset }) => [ordinal, offset]));
  let offset = batch.start;
  names.forEach((name, ordinal) => {
    const found = offsets.get(ordinal);
    offset = found ?? offset;
    if (found === undefined) batch.lost.push({ ...name, ordinal, offset });
  });
}

/** Without its end record a batch is known only if nothing else can be lost. */
function closeWithoutEnd(batch: FoundBatch, next: number | undefined): void {
  const isInARow = batch.records.every((record, nth) => record.ordinal === nth);
  const isOnlyTheEnd = next !== undefined && next - batch.end === endBytes(batch.records);
  if (isInARow && isOnlyTheEnd) {
    batch.isEndLost = true;
    batch.end = next;
    return;
  }
  batch.unknown = { offset: batch.end, text: 'the end record of a batch is missing' };
}

/** Completes the last batch of a segment when the next segment's header tells where it ended. */
export function closeLast(batch: FoundBatch, end: number): void {
  const isOpen = batch.unknown !== undefined && batch.lost.length === 0;
  if (!isOpen || batch.records.length === 0) return;
  const last = batch.records.at(-1);
  if (last === undefined || last.offset + recordBytes(last.length) !== batch.end) return;
  batch.unknown = undefined;
  closeWithoutEnd(batch, end);
}

/** A batch without records whose end record is damaged; undefined if more is missing. */
export function emptyBatch(
  number: number,
  { start, end }: { readonly start: number; readonly end: number },
): FoundBatch | undefined {
  if (end - start !== endBytes([])) return undefined;
  const nothing = { records: [], damaged: new Set<number>(), unknown: undefined, lost: [] };
  return { ...nothing, number, start, end, isEndLost: true };
}
