/** The result of a command: returned to the client and remembered for it. */

import { unreachable } from '../base/assert.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { type Int64, readInt64, writeInt64 } from './int64.ts';
import { type Row, readRowOrNone, writeRow } from './row.ts';
import { type Contender, readContender, writeContender } from './transaction-id.ts';

/** Reasons by number, from 1. A number is never given a second meaning. */
const REASONS = [
  'deadline-passed',
  'deadline-too-far',
  'acknowledged',
  'wrong-epoch',
  'not-a-number',
  'overflow',
  'value-too-large',
  'key-twice',
  'result-too-large',
  'malformed',
  'window-full',
  'gave-way',
  'aborted',
  'entry-full',
  'too-much-work',
  'value-lost',
] as const;

/** Why a command had no effect; the room's README says what each one means. */
export type Reason = (typeof REASONS)[number];

/** The output of one operation. Puts and checks have none. */
export type Output =
  /** Of `get`: the row before the command. */
  | { readonly type: 'row'; readonly row: Row | undefined }
  /** Of `add`, `min` and `max`: the new value. */
  | { readonly type: 'integer'; readonly value: Int64 }
  /** Of `delete`. */
  | { readonly type: 'deleted'; readonly wasThere: boolean }
  /** Of `append`: the new length of the value. */
  | { readonly type: 'appended'; readonly length: number };

export type Reply =
  /** All of it took effect, in the entry with this index; outputs in the order of operations. */
  | { readonly type: 'done'; readonly version: number; readonly outputs: readonly Output[] }
  /** No effect: the check at `position` does not hold for this version; 0 for no key. */
  | { readonly type: 'check-failed'; readonly position: number; readonly version: number }
  /** No effect, because of the operation at `position` or of the whole. */
  | { readonly type: 'refused'; readonly reason: Reason; readonly position: number }
  /** No effect: a transaction locks the key at `position`. Never remembered. */
  | { readonly type: 'locked'; readonly position: number; readonly holder: Contender }
  /**
   * A whole transaction took effect: the versions of its participants' writes, in the order of the
   * participants, and the concatenated outputs.
   */
  | {
      readonly type: 'committed';
      readonly versions: readonly number[];
      readonly outputs: readonly Output[];
    };

const KIND = { done: 0, 'check-failed': 1, refused: 2, locked: 3, committed: 4 } as const;

/** The first bytes of outputs, by which they are told apart. */
const TAG = { bytes: 0xc4, false: 0xc2, true: 0xc3, array: 0x90, arrays: 0xf0 } as const;

const writer = new Writer();

export function encodeReply(reply: Reply): Uint8Array {
  writer.clear();
  writer.array(3);
  writer.count(KIND[reply.type]);
  switch (reply.type) {
    case 'done':
      writer.count(reply.version);
      writeOutputs(writer, reply.outputs);
      break;
    case 'check-failed':
      writer.count(reply.position);
      writer.count(reply.version);
      break;
    case 'refused':
      writer.count(numberOf(reply.reason));
      writer.count(reply.position);
      break;
    case 'locked':
      writer.count(reply.position);
      writeContender(writer, reply.holder);
      break;
    case 'committed':
      writeCounts(writer, reply.versions);
      writeOutputs(writer, reply.outputs);
      break;
    default:
      unreachable(reply);
  }
  return writer.take();
}

/** Undefined for bytes that are no reply. Values are views on them. */
export function decodeReply(bytes: Uint8Array): Reply | undefined {
  const reader = new Reader(bytes);
  reader.tuple(3);
  const kind = reader.count();
  let reply: Reply | undefined;
  if (kind === KIND.done) {
    const version = reader.count();
    reply = { type: 'done', version, outputs: readOutputs(reader, bytes) };
  } else if (kind === KIND['check-failed']) {
    const position = reader.count();
    reply = { type: 'check-failed', position, version: reader.count() };
  } else if (kind === KIND.refused) {
    const reason = reasonOf(reader.count());
    const position = reader.count();
    if (reason !== undefined) reply = { type: 'refused', reason, position };
  } else if (kind === KIND.locked) {
    const position = reader.count();
    reply = { type: 'locked', position, holder: readContender(reader) };
  } else if (kind === KIND.committed) {
    const versions = readCounts(reader);
    reply = { type: 'committed', versions, outputs: readOutputs(reader, bytes) };
  }
  return reader.isBroken || reader.left > 0 ? undefined : reply;
}

export function writeOutputs(into: Writer, outputs: readonly Output[]): void {
  into.array(outputs.length);
  for (const output of outputs) writeOutput(into, output);
}

/** Versions, one for each participant. */
export function writeCounts(into: Writer, counts: readonly number[]): void {
  into.array(counts.length);
  for (const count of counts) into.count(count);
}

export function readCounts(reader: Reader): readonly number[] {
  const length = reader.array(TRANSACTION_LIMITS.partsMax, 1);
  const counts: number[] = [];
  for (let at = 0; at < length && !reader.isBroken; at++) counts.push(reader.count());
  return counts;
}

function writeOutput(into: Writer, output: Output): void {
  switch (output.type) {
    case 'row':
      if (output.row === undefined) into.array(0);
      else writeRow(into, output.row);
      break;
    case 'integer':
      writeInt64(into, output.value);
      break;
    case 'deleted':
      into.truth(output.wasThere);
      break;
    case 'appended':
      into.count(output.length);
      break;
    default:
      unreachable(output);
  }
}

/** `bytes` are what the reader reads: the first byte of an output says which it is. */
export function readOutputs(reader: Reader, bytes: Uint8Array): readonly Output[] {
  const count = reader.array(MACHINE_LIMITS.operationsMax, 1);
  const outputs: Output[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const tag = bytes[bytes.length - reader.left] ?? TAG.bytes;
    outputs.push(readOutput(reader, tag));
  }
  return outputs;
}

function readOutput(reader: Reader, tag: number): Output {
  if (tag === TAG.bytes) return { type: 'integer', value: readInt64(reader) };
  if (tag === TAG.true || tag === TAG.false) return { type: 'deleted', wasThere: reader.truth() };
  if ((tag & TAG.arrays) === TAG.array) return { type: 'row', row: readRowOrNone(reader) };
  return { type: 'appended', length: reader.count() };
}

/** The largest encoded size of an output. */
export function outputBytesMax(output: Output): number {
  if (output.type === 'deleted') return 1;
  if (output.type !== 'row') return SCALAR_BYTES_MAX;
  return ROW_OVERHEAD_BYTES + (output.row?.value.length ?? 0);
}

const SCALAR_BYTES_MAX = 10;
const ROW_OVERHEAD_BYTES = 24;

export function numberOf(reason: Reason): number {
  return REASONS.indexOf(reason) + 1;
}

export function reasonOf(number: number): Reason | undefined {
  return REASONS[number - 1];
}
