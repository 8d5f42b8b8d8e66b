/** Recovers a log after a crash or damage: the recovery table of the README as a program. */

import type { FilesReader } from '../files/files.ts';
import { type BatchPosition, HARD_STATE_FILES, type HardStates } from './hard-state.ts';
import type { LogOwner } from './log.ts';
import { type Folder, type Refusal, readSegment, refuse } from './log-folder.ts';
import { START_ANEW } from './log-identity.ts';
import { LogReplay, type OpenSegment } from './log-replay.ts';
import { closeLast, emptyBatch, type FoundBatch, isWhole, scanSegment } from './log-scan.ts';
import { PREAMBLE_BYTES, type SegmentHeader, segmentName } from './log-segment.ts';

/**
 * The last batch, complete but unconfirmed: it may be in the page cache only, so it is rewritten.
 */
export interface Tail {
  readonly segment: OpenSegment;
  readonly start: number;
  readonly end: number;
}

/** Where the next incarnation continues. */
export interface Continuation {
  readonly before: number;
  readonly follows: number;
  readonly followsEnd: number;
}

export interface Recovery {
  readonly type: 'recovered';
  readonly replay: LogReplay;
  /** Segments that are needed until the next checkpoint is confirmed, oldest first. */
  readonly chain: readonly SegmentHeader[];
  /** Segments and partially created ones that are not needed. */
  readonly leftovers: readonly { readonly epoch: number; readonly size: number }[];
  readonly continuation: Continuation;
  readonly tail: Tail | undefined;
  readonly incarnation: number;
  readonly hardStates: HardStates;
}

interface Scanned {
  readonly segment: OpenSegment & { readonly isDamaged: boolean };
  readonly batches: readonly FoundBatch[];
}

/** Headers oldest first, and the last segment, which is read first. */
interface Chain {
  readonly headers: readonly SegmentHeader[];
  readonly last: Scanned | undefined;
}

interface RecoveryOptions {
  readonly files: FilesReader;
  readonly owner: LogOwner;
  readonly folder: Folder;
}

export function recover(options: RecoveryOptions): Recovery | Refusal {
  const { folder } = options;
  const hardStates = newestOf(folder.hardStates);
  if (hardStates === undefined) {
    return refuse(
      `${HARD_STATE_FILES.join(' and ')} are both lost, so this node's votes are unknown: ` +
        START_ANEW,
    );
  }
  const incarnation = folder.identity?.incarnation ?? 0;
  if (hardStates.incarnation > incarnation) return fromThePast(incarnation, hardStates.incarnation);
  const chain = readChain(options, hardStates);
  if ('type' in chain) return chain;
  for (const { incarnation: seen } of chain.headers) {
    if (seen > incarnation) return fromThePast(incarnation, seen);
  }
  const replay = new LogReplay();
  const end = replayChain(options, chain, { replay, hardStates });
  if ('type' in end) return end;
  replay.finish(hardStates);
  const epochs = chain.headers.map(({ epoch }) => epoch);
  return {
    type: 'recovered',
    replay,
    chain: chain.headers,
    leftovers: [...folder.segments]
      .filter(([epoch]) => !epochs.includes(epoch))
      .map(([epoch, size]) => ({ epoch, size })),
    ...end,
    incarnation,
    hardStates,
  };
}

function newestOf(copies: Folder['hardStates']): HardStates | undefined {
  let newest: HardStates | undefined;
  for (const copy of copies) {
    if (copy !== undefined && copy.sequence > (newest?.sequence ?? -1)) newest = copy;
  }
  return newest;
}

function fromThePast(identity: number, log: number): Refusal {
  const what = `the identity file is of boot ${identity} and older than the log, of boot ${log}`;
  return refuse(`${what}: restore files of the same time, or ${START_ANEW}`);
}

/** Follows the headers from the last segment back to the oldest needed one, then reverses them. */
function readChain(options: RecoveryOptions, hardStates: HardStates): Chain | Refusal {
  const { confirmed, oldest } = hardStates;
  const last = findLast(options, confirmed);
  if (last === undefined) return { headers: [], last };
  if ('type' in last) return last;
  const headers = [last.segment.header];
  let epoch = last.segment.header.before;
  while (epoch >= oldest && epoch > 0) {
    const segment = needed(readSegment(options, epoch, { through: 0 }));
    if ('type' in segment) return segment;
    headers.unshift(segment.header);
    epoch = segment.header.before;
  }
  if (confirmed.epoch > 0 && !headers.some((header) => header.epoch === confirmed.epoch)) {
    return refuse(`${segmentName(confirmed.epoch)} was in use, and no later segment follows it`);
  }
  return { headers, last };
}

/** The last segment that is part of the log; undefined before the first was confirmed. */
function findLast(options: RecoveryOptions, confirmed: BatchPosition) {
  const later = [...options.folder.segments.keys()]
    .filter((epoch) => epoch > confirmed.epoch)
    .sort((one, other) => other - one);
  for (const epoch of later) {
    const scanned = readScanned(options, epoch);
    if (typeof scanned === 'string') continue;
    const [first] = scanned.batches;
    const isBegun = first?.number === 1 && isWhole(first) && !scanned.segment.isDamaged;
    // A second batch is written only after the first one and the hard states are durable.
    if (isBegun || scanned.batches.some(({ number }) => number > 1)) return scanned;
  }
  return confirmed.epoch === 0 ? undefined : needed(readScanned(options, confirmed.epoch));
}

function needed<T extends object>(read: T | string): T | Refusal {
  if (typeof read !== 'string') return read;
  return refuse(`${read}, and it may hold acknowledged entries: restore it, or ${START_ANEW}`);
}

function readScanned(
  options: RecoveryOptions,
  epoch: number,
  through = Number.POSITIVE_INFINITY,
): Scanned | string {
  const segment = readSegment(options, epoch, { through });
  if (typeof segment === 'string') return segment;
  return { segment, batches: scanSegment(segment.buffer, segment.header) };
}

type End = Pick<Recovery, 'continuation' | 'tail'>;

/** Only one segment is in memory at a time. */
function replayChain(
  options: RecoveryOptions,
  { headers, last }: Chain,
  { replay, hardStates }: { readonly replay: LogReplay; readonly hardStates: HardStates },
): End | Refusal {
  for (const [nth, { epoch }] of headers.entries()) {
    const next = headers[nth + 1];
    if (next === undefined) break;
    // Bytes after the last counted batch were torn, or never written.
    const scanned = needed(readScanned(options, epoch, next.followsEnd));
    if ('type' in scanned) return scanned;
    const { segment, batches } = scanned;
    if (segment.isDamaged) replay.reportHeader(segment);
    const counted = batches.filter(({ number }) => number <= next.follows);
    const end = counted.at(-1);
    if (end?.number === next.follows) closeLast(end, next.followsEnd);
    const refusal = replayConfirmed(replay, { segment, batches: counted, through: next.follows });
    if (refusal !== undefined) return refusal;
  }
  if (last === undefined) {
    return { continuation: { before: 0, follows: 0, followsEnd: 0 }, tail: undefined };
  }
  if (last.segment.isDamaged) replay.reportHeader(last.segment);
  return replayLast(replay, withItsEnd(last, hardStates), hardStates.confirmed);
}

/** All of these batches were durable: whatever is missing now is damage. */
function replayConfirmed(
  replay: LogReplay,
  part: Scanned & { readonly through: number },
): Refusal | undefined {
  const { segment, batches, through } = part;
  const name = segmentName(segment.header.epoch);
  for (let number = 1; number <= through; number++) {
    const batch = batches.find((one) => one.number === number);
    if (batch?.unknown !== undefined) {
      const { offset, text } = batch.unknown;
      return refuse(unnamed(`${name} is damaged at offset ${offset} (batch ${number}): ${text}`));
    }
    if (batch === undefined) {
      const before = batches.findLast((one) => one.number < number)?.end ?? PREAMBLE_BYTES;
      return refuse(unnamed(`batch ${number} of ${name}, from offset ${before} on, is missing`));
    }
    replay.apply(segment, batch);
  }
  return undefined;
}

function unnamed(what: string): string {
  return `${what}; the lost entries are unknown, so no entry can be trusted: ${START_ANEW}`;
}

/**
 * The hard states record where the last confirmed batch ends. So a batch that lacks only its end
 * record is still known, even one that consisted of nothing else.
 */
function withItsEnd({ segment, batches }: Scanned, hardStates: HardStates): Scanned {
  const { confirmed, confirmedEnd } = hardStates;
  const last = batches.at(-1);
  const isLast = confirmed.epoch === segment.header.epoch && confirmedEnd > 0;
  if (last === undefined || !isLast) return { segment, batches };
  if (last.number === confirmed.batch) closeLast(last, confirmedEnd);
  if (last.number !== confirmed.batch - 1 || last.unknown !== undefined)
    return { segment, batches };
  const empty = emptyBatch(confirmed.batch, { start: last.end, end: confirmedEnd });
  return { segment, batches: empty === undefined ? batches : [...batches, empty] };
}

/** In the last segment only the last batch can be torn. */
function replayLast(
  replay: LogReplay,
  { segment, batches }: Scanned,
  promised: BatchPosition,
): End | Refusal {
  const { epoch, before, follows, followsEnd } = segment.header;
  const newest = batches.at(-1)?.number ?? 0;
  const confirmed = Math.max(promised.epoch === epoch ? promised.batch : 0, newest - 1);
  const refusal = replayConfirmed(replay, { segment, batches, through: confirmed });
  if (refusal !== undefined) return refusal;
  const last = batches.at(-1);
  const lastConfirmed = batches.find(({ number }) => number === confirmed);
  const continuation =
    lastConfirmed === undefined
      ? { before, follows, followsEnd }
      : { before: epoch, follows: confirmed, followsEnd: lastConfirmed.end };
  if (last === undefined || last.number === confirmed || !isWhole(last)) {
    return { continuation, tail: undefined };
  }
  replay.apply(segment, last);
  return { continuation, tail: { segment, start: last.start, end: last.end } };
}
