/** What is remembered of one client: the replies that it may still ask for again. */

import { MACHINE_LIMITS, STATE_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import {
  numberOf,
  type Output,
  type Reason,
  type Reply,
  readCounts,
  readOutputs,
  reasonOf,
  writeCounts,
  writeOutputs,
} from './reply.ts';

/** `[acknowledgedBelow, deadlineMax, [run …]]`. */
export interface Session {
  /** The greatest that the client ever said. */
  readonly acknowledgedBelow: number;
  /** The greatest deadline of a batch that was let in: past it nothing of it can come again. */
  readonly deadlineMax: number;
  /** In the order of their entries. None holds a sequence of another. */
  readonly runs: readonly Run[];
}

/** Sequences that follow each other, executed in one entry; kept until all are acknowledged. */
export interface Run {
  readonly first: number;
  readonly count: number;
  /** The index of the entry. */
  readonly version: number;
  /** One verdict for each sequence, one behind the other. */
  readonly verdicts: Uint8Array;
}

/** A reply without what the whole run shares. */
export type Verdict =
  | { readonly type: 'done'; readonly outputs: readonly Output[] }
  | { readonly type: 'check-failed'; readonly position: number; readonly version: number }
  | { readonly type: 'refused'; readonly reason: Reason; readonly position: number }
  | Extract<Reply, { type: 'committed' }>;

/** `silent` is `done` without outputs: the byte that a put costs. */
const VERDICT = { silent: 0, done: 1, 'check-failed': 2, refused: 3, committed: 4 } as const;

const RUN_BYTES_MIN = 6;

export function writeSession(writer: Writer, session: Session): void {
  writer.array(3);
  writer.count(session.acknowledgedBelow);
  writer.count(session.deadlineMax);
  writer.array(session.runs.length);
  for (const run of session.runs) {
    writer.array(4);
    writer.count(run.first);
    writer.count(run.count);
    writer.count(run.version);
    writer.bytes(run.verdicts);
  }
}

/** Undefined for bytes that are no session. Verdicts are views on them. */
export function decodeSession(bytes: Uint8Array): Session | undefined {
  const reader = new Reader(bytes);
  reader.tuple(3);
  const acknowledgedBelow = reader.count();
  const deadlineMax = reader.count();
  const length = reader.array(MACHINE_LIMITS.sessionCommandsMax, RUN_BYTES_MIN);
  const runs: Run[] = [];
  for (let at = 0; at < length && !reader.isBroken; at++) runs.push(readRun(reader));
  if (reader.isBroken || reader.left > 0) return undefined;
  return { acknowledgedBelow, deadlineMax, runs };
}

function readRun(reader: Reader): Run {
  reader.tuple(4);
  const first = reader.count();
  const count = reader.count();
  const version = reader.count();
  return { first, count, version, verdicts: reader.bytes(STATE_LIMITS.valueBytesMax) };
}

export function writeVerdict(writer: Writer, verdict: Verdict): void {
  if (verdict.type === 'done') {
    const { outputs } = verdict;
    writer.count(outputs.length === 0 ? VERDICT.silent : VERDICT.done);
    if (outputs.length > 0) writeOutputs(writer, outputs);
  } else if (verdict.type === 'committed') {
    writer.count(VERDICT.committed);
    writeCounts(writer, verdict.versions);
    writeOutputs(writer, verdict.outputs);
  } else if (verdict.type === 'check-failed') {
    writer.count(VERDICT['check-failed']);
    writer.count(verdict.position);
    writer.count(verdict.version);
  } else {
    writer.count(VERDICT.refused);
    writer.count(numberOf(verdict.reason));
    writer.count(verdict.position);
  }
}

/** Undefined if the verdicts are not as many as the run says, or not verdicts. */
export function decodeVerdicts({ count, verdicts }: Run): readonly Verdict[] | undefined {
  const reader = new Reader(verdicts);
  const list: Verdict[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) list.push(readVerdict(reader, verdicts));
  return reader.isBroken || reader.left > 0 ? undefined : list;
}

function readVerdict(reader: Reader, bytes: Uint8Array): Verdict {
  const type = reader.count();
  if (type === VERDICT.silent) return SILENT;
  if (type === VERDICT.done) {
    const outputs = readOutputs(reader, bytes);
    // Without outputs it would be the second spelling of a silent one.
    if (outputs.length === 0) reader.break();
    return { type: 'done', outputs };
  }
  if (type === VERDICT.committed) {
    const versions = readCounts(reader);
    return { type: 'committed', versions, outputs: readOutputs(reader, bytes) };
  }
  const number = reader.count();
  if (type === VERDICT['check-failed']) {
    return { type: 'check-failed', position: number, version: reader.count() };
  }
  if (type !== VERDICT.refused) reader.break();
  const position = reader.count();
  const reason = reasonOf(number);
  if (reason === undefined) reader.break();
  return { type: 'refused', reason: reason ?? 'malformed', position };
}

export const SILENT: Verdict = { type: 'done', outputs: [] };
