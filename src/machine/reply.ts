/** The result of a command: returned to the client and remembered for it. */

import { unreachable } from '../base/assert.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { type Reader, Writer } from '../base/message-pack.ts';
import { count, decode, list, type Schema } from '../base/schema.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { type Int64, readInt64, writeInt64 } from './int64.ts';
import { type Row, readRowOrNone, writeRow } from './row.ts';
import { CONTENDER, type Contender } from './transaction-id.ts';

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
  'lease-ended',
  'leases-full',
  'tickets-full',
  'lock-kind',
  'fences-full',
  'staged',
] as const;

/** Why a command had no effect; the room's README says what each one means. */
export type Reason = (typeof REASONS)[number];

/** The output of one operation. Puts and checks have none. */
export type Output =
  /** Of `get`: the row before the command. */
  | { readonly type: 'row'; readonly row: Row | undefined }
  /** Of `add`, `min` and `max`: the new value. */
  | { readonly type: 'integer'; readonly value: Int64 }
  /** Of `delete` and `touch`: whether the key existed before; of `end-lease`: the live lease. */
  | { readonly type: 'presence'; readonly wasThere: boolean }
  /** Of `append`: the new length of the value. */
  | { readonly type: 'appended'; readonly length: number }
  | TicketState;

/** Of `acquire`: the ticket as it is now; of `release`: as it was. All 0 for no ticket. */
export interface TicketState {
  readonly type: 'ticket';
  /** The index of the entry that granted it; 0 while it waits. */
  readonly fence: number;
  /** Orders the queue: the index of the entry that added it. */
  readonly number: number;
  /** From 1 among those that wait; 0 for an owner. */
  readonly position: number;
}

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
const TAG = {
  bytes: 0xc4,
  false: 0xc2,
  true: 0xc3,
  /** An array of two: `[fence, [number, position]]`. Rows have none, three or four elements. */
  ticket: 0x92,
  array: 0x90,
  arrays: 0xf0,
} as const;

const writer = new Writer();

/** By hand: a reply is encoded for each command. */
export const REPLY: Schema<Reply> = {
  elements: 1,
  bytesMin: 4,
  write: writeReply,
  read: readReply,
};

export function encodeReply(reply: Reply): Uint8Array {
  writer.clear();
  writeReply(writer, reply);
  return writer.take();
}

/** Undefined for bytes that are no reply. Values are views on them. */
export function decodeReply(bytes: Uint8Array): Reply | undefined {
  return decode(REPLY, bytes);
}

function writeReply(into: Writer, reply: Reply): void {
  into.array(3);
  into.count(KIND[reply.type]);
  switch (reply.type) {
    case 'done':
      into.count(reply.version);
      OUTPUTS.write(into, reply.outputs);
      break;
    case 'check-failed':
      into.count(reply.position);
      into.count(reply.version);
      break;
    case 'refused':
      into.count(numberOf(reply.reason));
      into.count(reply.position);
      break;
    case 'locked':
      into.count(reply.position);
      CONTENDER.write(into, reply.holder);
      break;
    case 'committed':
      VERSIONS.write(into, reply.versions);
      OUTPUTS.write(into, reply.outputs);
      break;
    default:
      unreachable(reply);
  }
}

function readReply(reader: Reader): Reply {
  reader.tuple(3);
  const kind = reader.count();
  if (kind === KIND.committed) {
    const versions = VERSIONS.read(reader);
    return { type: 'committed', versions, outputs: OUTPUTS.read(reader) };
  }
  const number = reader.count();
  switch (kind) {
    case KIND.done:
      return { type: 'done', version: number, outputs: OUTPUTS.read(reader) };
    case KIND['check-failed']:
      return { type: 'check-failed', position: number, version: reader.count() };
    case KIND.locked:
      return { type: 'locked', position: number, holder: CONTENDER.read(reader) };
    default:
      if (kind !== KIND.refused) reader.break();
      return { type: 'refused', reason: readReason(reader, number), position: reader.count() };
  }
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
    case 'presence':
      into.truth(output.wasThere);
      break;
    case 'appended':
      into.count(output.length);
      break;
    case 'ticket':
      into.array(2);
      into.count(output.fence);
      into.array(2);
      into.count(output.number);
      into.count(output.position);
      break;
    default:
      unreachable(output);
  }
}

/** The first byte of an output says which it is. */
function readOutput(reader: Reader): Output {
  const tag = reader.next;
  if (tag === TAG.bytes) return { type: 'integer', value: readInt64(reader) };
  if (tag === TAG.true || tag === TAG.false) return { type: 'presence', wasThere: reader.truth() };
  if (tag === TAG.ticket) return readTicketState(reader);
  if ((tag & TAG.arrays) === TAG.array) return { type: 'row', row: readRowOrNone(reader) };
  return { type: 'appended', length: reader.count() };
}

function readTicketState(reader: Reader): TicketState {
  reader.tuple(2);
  const fence = reader.count();
  reader.tuple(2);
  const number = reader.count();
  return { type: 'ticket', fence, number, position: reader.count() };
}

/** Versions, one for each participant. */
export const VERSIONS = list(count(), { max: TRANSACTION_LIMITS.partsMax });
export const OUTPUTS: Schema<readonly Output[]> = list(
  { elements: 1, bytesMin: 1, write: writeOutput, read: readOutput },
  { max: MACHINE_LIMITS.operationsMax },
);

/** The largest encoded size of an output. */
export function outputBytesMax(output: Output): number {
  if (output.type === 'presence') return 1;
  if (output.type === 'ticket') return TICKET_BYTES_MAX;
  if (output.type !== 'row') return SCALAR_BYTES_MAX;
  const leaseBytes = output.row?.lease === undefined ? 0 : LEASE_BYTES;
  return ROW_OVERHEAD_BYTES + leaseBytes + (output.row?.value.length ?? 0);
}

const SCALAR_BYTES_MAX = 10;
const ROW_OVERHEAD_BYTES = 24;
const LEASE_BYTES = 2 + COORDINATION_LIMITS.leaseIdBytes;
const TICKET_BYTES_MAX = 29;

export function numberOf(reason: Reason): number {
  return REASONS.indexOf(reason) + 1;
}

/** The reason with this number; another number breaks the reader. */
export function readReason(reader: Reader, number: number): Reason {
  const reason = REASONS[number - 1];
  if (reason === undefined) reader.break();
  return reason ?? 'malformed';
}
