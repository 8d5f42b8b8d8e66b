/**
 * The session of one client: a row for its lifetime, and one for each of its slots. A request that
 * uses a slot acknowledges the answer to the slot's former request.
 */

import { MACHINE_LIMITS, ROW_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import { CLIENT_BYTES } from './batch.ts';
import {
  numberOf,
  OUTPUTS,
  type Output,
  type Reason,
  type Reply,
  readReason,
  VERSIONS,
} from './reply.ts';

/** `[deadlineMax, slots]`. */
export interface Session {
  /** At least the greatest accepted deadline: after it no request of the client can arrive. */
  readonly deadlineMax: number;
  /** Above every slot that has a row. */
  readonly slots: number;
}

/** `[sequence, [run …]]`. */
export interface SlotReplies {
  /** Of the latest request: all earlier ones of the slot are acknowledged. */
  readonly sequence: number;
  /** In the order of their entries. No two hold the same position. */
  readonly runs: readonly ReplyRun[];
}

/** Replies to consecutive commands of a request, executed in one entry. */
export interface ReplyRun {
  /** The position of the first. */
  readonly first: number;
  readonly count: number;
  /** The index of the entry. */
  readonly version: number;
  /** One result for each command, concatenated. */
  readonly verdicts: Uint8Array;
}

/** A reply without what the whole run shares. */
export type CommandResult =
  | { readonly type: 'done'; readonly outputs: readonly Output[] }
  | { readonly type: 'check-failed'; readonly position: number; readonly version: number }
  | { readonly type: 'refused'; readonly reason: Reason; readonly position: number }
  | Extract<Reply, { type: 'committed' }>;

/** `silent` is `done` without outputs: the byte that a put costs. */
const VERDICT = { silent: 0, done: 1, 'check-failed': 2, refused: 3, committed: 4 } as const;

const RUN_BYTES_MIN = 6;

/** One slot has one open request at a time, so the slot follows from the sequence. */
export function slotOf(sequence: number): number {
  return sequence % MACHINE_LIMITS.sessionSlots;
}

/** The key of a slot's row: in the order of clients, and of the slots of one. */
export function slotKeyOf(client: Uint8Array, slot: number): Uint8Array {
  const key = new Uint8Array(CLIENT_BYTES + 2);
  key.set(client);
  key[CLIENT_BYTES] = slot >>> 8;
  key[CLIENT_BYTES + 1] = slot;
  return key;
}

export function writeSession(writer: Writer, { deadlineMax, slots }: Session): void {
  writer.array(2);
  writer.count(deadlineMax);
  writer.count(slots);
}

/** Undefined for bytes that are no session. */
export function decodeSession(bytes: Uint8Array): Session | undefined {
  const reader = new Reader(bytes);
  reader.tuple(2);
  const deadlineMax = reader.count();
  const slots = reader.count();
  if (reader.isBroken || reader.left > 0 || slots > MACHINE_LIMITS.sessionSlots) return undefined;
  return { deadlineMax, slots };
}

export function writeSlotReplies(writer: Writer, { sequence, runs }: SlotReplies): void {
  writer.array(2);
  writer.count(sequence);
  writer.array(runs.length);
  for (const run of runs) {
    writer.array(4);
    writer.count(run.first);
    writer.count(run.count);
    writer.count(run.version);
    writer.bytes(run.verdicts);
  }
}

/** Undefined for bytes that are no row of a slot. Verdicts are views on them. */
export function decodeSlotReplies(bytes: Uint8Array): SlotReplies | undefined {
  const reader = new Reader(bytes);
  reader.tuple(2);
  const sequence = reader.count();
  const length = reader.array(MACHINE_LIMITS.commandsMax, RUN_BYTES_MIN);
  const runs: ReplyRun[] = [];
  for (let at = 0; at < length && !reader.isBroken; at++) runs.push(readRun(reader));
  if (reader.isBroken || reader.left > 0) return undefined;
  return { sequence, runs };
}

function readRun(reader: Reader): ReplyRun {
  reader.tuple(4);
  const first = reader.count();
  const count = reader.count();
  const version = reader.count();
  return { first, count, version, verdicts: reader.bytes(ROW_LIMITS.valueBytesMax) };
}

export function writeVerdict(writer: Writer, verdict: CommandResult): void {
  if (verdict.type === 'done') {
    const { outputs } = verdict;
    writer.count(outputs.length === 0 ? VERDICT.silent : VERDICT.done);
    if (outputs.length > 0) OUTPUTS.write(writer, outputs);
  } else if (verdict.type === 'committed') {
    writer.count(VERDICT.committed);
    VERSIONS.write(writer, verdict.versions);
    OUTPUTS.write(writer, verdict.outputs);
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

/** Undefined if the results are malformed, or not as many as the run says. */
export function decodeVerdicts({
  count,
  verdicts,
}: ReplyRun): readonly CommandResult[] | undefined {
  const reader = new Reader(verdicts);
  const list: CommandResult[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) list.push(readVerdict(reader));
  return reader.isBroken || reader.left > 0 ? undefined : list;
}

function readVerdict(reader: Reader): CommandResult {
  const type = reader.count();
  if (type === VERDICT.silent) return SILENT;
  if (type === VERDICT.done) {
    const outputs = OUTPUTS.read(reader);
    // Without outputs it would be a second encoding of a silent one.
    if (outputs.length === 0) reader.break();
    return { type: 'done', outputs };
  }
  if (type === VERDICT.committed) {
    const versions = VERSIONS.read(reader);
    return { type: 'committed', versions, outputs: OUTPUTS.read(reader) };
  }
  const number = reader.count();
  if (type === VERDICT['check-failed']) {
    return { type: 'check-failed', position: number, version: reader.count() };
  }
  if (type !== VERDICT.refused) reader.break();
  return { type: 'refused', reason: readReason(reader, number), position: reader.count() };
}

export const SILENT: CommandResult = { type: 'done', outputs: [] };
