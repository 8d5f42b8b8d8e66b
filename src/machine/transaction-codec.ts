/** The one encoding of transactions and of their entries. */

import { MACHINE_LIMITS, STATE_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { CLIENT_BYTES } from './batch.ts';
import type { Command, Operation } from './command.ts';
import { OPERATION_BYTES_MIN, readOperation, writeOperation } from './operation-codec.ts';
import {
  decodeReply,
  encodeReply,
  type Reply,
  readCounts,
  readOutputs,
  writeCounts,
  writeOutputs,
} from './reply.ts';
import type {
  Decide,
  Part,
  Participant,
  Prepare,
  Resolution,
  TransactionRefusal,
  TransactionRequest,
} from './transaction.ts';
import { readId, readRank, type TransactionId, writeId, writeRank } from './transaction-id.ts';

const PART_BYTES_MIN = 9;
const PARTICIPANT_BYTES_MIN = 3;
const RESOLUTION_BYTES_MIN = 24;
/** It is kept as a row, with the entry's index and time around it. */
const PREPARE_BYTES_MAX = STATE_LIMITS.valueBytesMax - 64;
const ABORT = 0;
const COMMIT = 1;

/** One buffer serves all: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/** Required: within `TRANSACTION_LIMITS` and `MACHINE_LIMITS`, which decoding asserts. */
export function encodeTransaction(transaction: TransactionRequest): Uint8Array {
  const { client, sequence, parts } = transaction;
  writer.clear();
  writer.array(5);
  writer.bytes(client);
  writer.count(sequence);
  writeRank(writer, transaction);
  writer.array(parts.length);
  for (const part of parts) {
    writer.array(4);
    writer.count(part.shard);
    writer.count(part.epoch);
    writer.count(part.deadline);
    writeOperations(part.operations);
  }
  return writer.take();
}

/** Undefined for what `encodeTransaction` does not make. All bytes in it are views. */
export function decodeTransaction(bytes: Uint8Array): TransactionRequest | undefined {
  const reader = new Reader(bytes);
  reader.tuple(5);
  const client = reader.bytes(CLIENT_BYTES);
  const sequence = reader.count();
  const rank = readRank(reader);
  const count = reader.array(TRANSACTION_LIMITS.partsMax, PART_BYTES_MIN);
  const parts: Part[] = [];
  let left: number = MACHINE_LIMITS.operationsMax;
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const part = readPart(reader, left);
    left -= part.operations.length;
    parts.push(part);
  }
  if (client.length !== CLIENT_BYTES || parts.length === 0) return undefined;
  if (new Set(parts.map(({ shard }) => shard)).size < parts.length) return undefined;
  return isWhole(reader) ? { client, sequence, ...rank, parts } : undefined;
}

function readPart(reader: Reader, operationsMax: number): Part {
  reader.tuple(4);
  const shard = reader.count();
  const epoch = reader.count();
  const deadline = reader.count();
  const operations = readOperations(reader, operationsMax);
  if (operations.length === 0) reader.break();
  return { shard, epoch, deadline, operations };
}

export function encodePrepare(prepare: Prepare): Uint8Array {
  writer.clear();
  writer.array(6);
  writeId(writer, prepare.id);
  writeRank(writer, prepare);
  writeParticipants(writer, prepare.participants);
  writer.count(prepare.at);
  writeOperations(prepare.operations);
  return writer.take();
}

export function decodePrepare(bytes: Uint8Array): Prepare | undefined {
  const reader = new Reader(bytes);
  reader.tuple(6);
  const id = readId(reader);
  const rank = readRank(reader);
  const participants = readParticipants(reader);
  const at = reader.count();
  const operations = readOperations(reader, MACHINE_LIMITS.operationsMax);
  if (at >= participants.length) return undefined;
  if (participants[0]?.position !== id.home) return undefined;
  if (!isWhole(reader) || operations.length === 0) return undefined;
  if (bytes.length > PREPARE_BYTES_MAX) return undefined;
  return { id, ...rank, participants, at, operations };
}

export function encodeDecide(decide: Decide): Uint8Array {
  const { proposal } = decide;
  const because = proposal.type === 'abort' ? encodeReply(proposal.because) : undefined;
  writer.clear();
  writer.array(because === undefined ? 8 : 6);
  writer.count(because === undefined ? COMMIT : ABORT);
  writeId(writer, decide.id);
  writeRank(writer, decide);
  writeParticipants(writer, decide.participants);
  if (because !== undefined) writer.bytes(because);
  if (proposal.type === 'commit') {
    writeCounts(writer, proposal.versions);
    writeOutputs(writer, proposal.outputs);
    writeOperations(proposal.operations);
  }
  return writer.take();
}

export function decodeDecide(bytes: Uint8Array): Decide | undefined {
  const reader = new Reader(bytes);
  const length = reader.array(8, 1);
  const kind = reader.count();
  if (kind > COMMIT || length !== (kind === COMMIT ? 8 : 6)) return undefined;
  const id = readId(reader);
  const rank = readRank(reader);
  const participants = readParticipants(reader);
  const about = { id, ...rank, participants };
  if (participants[0]?.position !== id.home) return undefined;
  if (kind === ABORT) {
    const because = decodeReply(reader.bytes(WIRE_LIMITS.payloadBytesMax));
    if (because === undefined || !isRefusal(because)) return undefined;
    return isWhole(reader) ? { ...about, proposal: { type: 'abort', because } } : undefined;
  }
  const versions = readCounts(reader);
  const outputs = readOutputs(reader, bytes);
  const operations = readOperations(reader, MACHINE_LIMITS.operationsMax);
  // The version of the home shard's own writes is added when this entry is applied.
  const isComplete = versions.length === participants.length - (operations.length > 0 ? 1 : 0);
  if (!isWhole(reader) || !isComplete) return undefined;
  return { ...about, proposal: { type: 'commit', versions, outputs, operations } };
}

/** A remembered refusal is a decision: `window-full` and `malformed` say that none was made. */
function isRefusal(reply: Reply): reply is TransactionRefusal {
  if (reply.type !== 'refused') return reply.type === 'check-failed';
  return reply.reason !== 'window-full' && reply.reason !== 'malformed';
}

/** Required: at least one, and no more than `TRANSACTION_LIMITS.resolutionsMax`. */
export function encodeResolutions(resolutions: readonly Resolution[]): Uint8Array {
  writer.clear();
  writer.array(resolutions.length);
  for (const { id, isCommitted, deadline } of resolutions) {
    writer.array(3);
    writeId(writer, id);
    writer.truth(isCommitted);
    writer.count(deadline);
  }
  return writer.take();
}

export function decodeResolutions(bytes: Uint8Array): readonly Resolution[] | undefined {
  const reader = new Reader(bytes);
  const count = reader.array(TRANSACTION_LIMITS.resolutionsMax, RESOLUTION_BYTES_MIN);
  const resolutions: Resolution[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    reader.tuple(3);
    const id = readId(reader);
    const isCommitted = reader.truth();
    resolutions.push({ id, isCommitted, deadline: reader.count() });
  }
  return isWhole(reader) && resolutions.length > 0 ? resolutions : undefined;
}

/** As for resolutions. */
export function encodeIds(ids: readonly TransactionId[]): Uint8Array {
  writer.clear();
  writer.array(ids.length);
  for (const id of ids) writeId(writer, id);
  return writer.take();
}

export function decodeIds(bytes: Uint8Array): readonly TransactionId[] | undefined {
  const reader = new Reader(bytes);
  const count = reader.array(TRANSACTION_LIMITS.resolutionsMax, RESOLUTION_BYTES_MIN - 3);
  const ids: TransactionId[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) ids.push(readId(reader));
  return isWhole(reader) && ids.length > 0 ? ids : undefined;
}

/** Operations alone, to be validated. */
export function encodeOperations(operations: Command): Uint8Array {
  writer.clear();
  writeOperations(operations);
  return writer.take();
}

export function decodeOperations(bytes: Uint8Array): Command | undefined {
  const reader = new Reader(bytes);
  const operations = readOperations(reader, MACHINE_LIMITS.operationsMax);
  return isWhole(reader) && operations.length > 0 ? operations : undefined;
}

function writeOperations(operations: Command): void {
  writer.array(operations.length);
  for (const operation of operations) writeOperation(writer, operation);
}

function readOperations(reader: Reader, operationsMax: number): Command {
  const count = reader.array(operationsMax, OPERATION_BYTES_MIN);
  const operations: Operation[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const operation = readOperation(reader);
    if (operation === undefined) reader.break();
    else operations.push(operation);
  }
  return operations;
}

/** The participants, for an operator who asks about a transaction. */
export function writeParticipants(into: Writer, participants: readonly Participant[]): void {
  into.array(participants.length);
  for (const { position, deadline } of participants) {
    into.array(2);
    into.count(position);
    into.count(deadline);
  }
}

export function readParticipants(reader: Reader): readonly Participant[] {
  const count = reader.array(TRANSACTION_LIMITS.partsMax, PARTICIPANT_BYTES_MIN);
  const participants: Participant[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    reader.tuple(2);
    const position = reader.count();
    if (position >= RING_SPAN) reader.break();
    participants.push({ position, deadline: reader.count() });
  }
  return participants;
}

function isWhole(reader: Reader): boolean {
  return !reader.isBroken && reader.left === 0;
}
