/** The one encoding of transactions and of their entries. */

import { MACHINE_LIMITS, ROW_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import {
  bytesList,
  count,
  decode,
  encode,
  list,
  type Schema,
  struct,
  truth,
  union,
  variant,
  where,
} from '../base/schema.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { RING_SPAN } from '../ring/arc.ts';
import type { Command, Operation } from './command.ts';
import { isLone, OPERATION_BYTES_MIN, readOperation, writeOperation } from './operation-codec.ts';
import { OUTPUTS, REPLY, type Reason, type Reply, VERSIONS } from './reply.ts';
import type {
  ConcludingSteps,
  Decide,
  Part,
  Participant,
  Prepare,
  Prevention,
  Resolution,
  TransactionRefusal,
  TransactionRequest,
} from './transaction.ts';
import { CLIENT, RANK, TRANSACTION_ID, type TransactionId } from './transaction-id.ts';

/** It is kept as a row, with the entry's index and time around it. */
const PREPARE_BYTES_MAX = ROW_LIMITS.valueBytesMax - 64;

/** Locks and leases are taken and given back by batches only. */
const OPERATION: Schema<Operation> = {
  elements: 1,
  bytesMin: OPERATION_BYTES_MIN,
  write: writeOperation,
  read: (reader) => {
    const operation = readOperation(reader);
    if (operation === undefined || isLone(operation)) reader.break();
    return operation ?? { type: 'get', key: NO_BYTES };
  },
};
/** In a decision, those of the home shard: none if its part was prepared. */
const OPERATIONS = list(OPERATION, { max: MACHINE_LIMITS.operationsMax });
const COMMAND = list(OPERATION, { min: 1, max: MACHINE_LIMITS.operationsMax });

const PART: Schema<Part> = struct({
  shard: count(),
  epoch: count(),
  deadline: count(),
  operations: COMMAND,
});

/** All parts together have a bounded number of operations, checked behind each part. */
const PARTS: Schema<readonly Part[]> = {
  ...list(PART, { max: TRANSACTION_LIMITS.partsMax }),
  read: (reader) => {
    const length = reader.array(TRANSACTION_LIMITS.partsMax, PART.bytesMin);
    const parts: Part[] = [];
    let left: number = MACHINE_LIMITS.operationsMax;
    for (let at = 0; at < length && left >= 0 && !reader.isBroken; at++) {
      const part = PART.read(reader);
      left -= part.operations.length;
      parts.push(part);
    }
    if (length === 0 || left < 0) reader.break();
    return parts;
  },
};

const TRANSACTION: Schema<TransactionRequest> = where(
  struct({ client: CLIENT, sequence: count(), ...RANK, parts: PARTS }),
  ({ parts }) => new Set(parts.map(({ shard }) => shard)).size === parts.length,
);

const PARTICIPANT: Schema<Participant> = {
  elements: 1,
  bytesMin: 3,
  write: (writer, { position, deadline }) => {
    writer.array(2);
    writer.count(position);
    writer.count(deadline);
  },
  read: (reader) => {
    reader.tuple(2);
    const position = reader.count();
    if (position >= RING_SPAN) reader.break();
    return { position, deadline: reader.count() };
  },
};

/** Also in the request `settle`. */
export const PARTICIPANTS = list(PARTICIPANT, { max: TRANSACTION_LIMITS.partsMax });

const CONTENDER = { id: TRANSACTION_ID, ...RANK, participants: PARTICIPANTS };

/** By hand: it is decoded by each replica of each participant, before it is proposed and again. */
const PREPARE: Schema<Prepare> = {
  elements: 1,
  bytesMin: 1,
  write: (writer, prepare) => {
    writer.array(6);
    TRANSACTION_ID.write(writer, prepare.id);
    writer.count(prepare.attempts);
    writer.count(prepare.age);
    PARTICIPANTS.write(writer, prepare.participants);
    writer.count(prepare.at);
    COMMAND.write(writer, prepare.operations);
  },
  read: (reader) => {
    reader.tuple(6);
    const id = TRANSACTION_ID.read(reader);
    const attempts = reader.count();
    const age = reader.count();
    const participants = PARTICIPANTS.read(reader);
    const at = reader.count();
    const operations = COMMAND.read(reader);
    if (at >= participants.length || participants[0]?.position !== id.home) reader.break();
    return { id, attempts, age, participants, at, operations };
  },
};

/** The fields of a decision and of its proposal, in one object. */
const DECIDE = union({
  abort: variant(0, { ...CONTENDER, because: where(REPLY, isRefusal) }),
  commit: variant(1, {
    ...CONTENDER,
    versions: VERSIONS,
    outputs: OUTPUTS,
    operations: OPERATIONS,
  }),
  prevented: variant(2, { ...CONTENDER, because: where(REPLY, isRefusal) }),
});

const PREVENTION: Schema<Prevention> = struct({
  id: TRANSACTION_ID,
  position: count({ max: RING_SPAN - 1 }),
  deadline: count(),
});

const { resolutionsMax } = TRANSACTION_LIMITS;
const RESOLUTION: Schema<Resolution> = struct({
  id: TRANSACTION_ID,
  isCommitted: truth,
  deadline: count(),
});
const RESOLUTIONS = list(RESOLUTION, { min: 1, max: resolutionsMax });
const IDS = list(TRANSACTION_ID, { min: 1, max: resolutionsMax });

const CONCLUSION: Schema<ConcludingSteps> = where(
  struct({
    commits: bytesList({ max: resolutionsMax, bytesMax: WIRE_LIMITS.payloadBytesMax }),
    resolutions: list(RESOLUTION, { max: resolutionsMax }),
    cleared: list(TRANSACTION_ID, { max: resolutionsMax }),
  }),
  ({ commits, resolutions, cleared }) => commits.length + resolutions.length + cleared.length > 0,
);

/** Required: within `TRANSACTION_LIMITS` and `MACHINE_LIMITS`, which decoding asserts. */
export function encodeTransaction(transaction: TransactionRequest): Uint8Array {
  return encode(TRANSACTION, transaction);
}

/** Undefined for what `encodeTransaction` does not make. All bytes in it are views. */
export function decodeTransaction(bytes: Uint8Array): TransactionRequest | undefined {
  return decode(TRANSACTION, bytes);
}

export function encodePrepare(prepare: Prepare): Uint8Array {
  return encode(PREPARE, prepare);
}

export function decodePrepare(bytes: Uint8Array): Prepare | undefined {
  return bytes.length > PREPARE_BYTES_MAX ? undefined : decode(PREPARE, bytes);
}

export function encodeDecide({ proposal, ...contender }: Decide): Uint8Array {
  return encode(DECIDE, { ...contender, ...proposal });
}

export function decodeDecide(bytes: Uint8Array): Decide | undefined {
  const decide = decode(DECIDE, bytes);
  if (decide === undefined) return undefined;
  const { id, attempts, age, participants, ...proposal } = decide;
  if (participants[0]?.position !== id.home) return undefined;
  if (proposal.type === 'commit') {
    // The version of the home shard's own writes is added when this entry is applied.
    const own = proposal.operations.length > 0 ? 1 : 0;
    if (proposal.versions.length !== participants.length - own) return undefined;
  }
  return { id, attempts, age, participants, proposal };
}

export function encodePrevention(prevention: Prevention): Uint8Array {
  return encode(PREVENTION, prevention);
}

export function decodePrevention(bytes: Uint8Array): Prevention | undefined {
  return decode(PREVENTION, bytes);
}

/** A remembered refusal is a decision: these say that none was made. */
const OPEN: readonly Reason[] = ['window-full', 'malformed', 'staged'];

function isRefusal(reply: Reply): reply is TransactionRefusal {
  if (reply.type !== 'refused') return reply.type === 'check-failed';
  return !OPEN.includes(reply.reason);
}

/** Required: at least one, and no more than `TRANSACTION_LIMITS.resolutionsMax`. */
export function encodeResolutions(resolutions: readonly Resolution[]): Uint8Array {
  return encode(RESOLUTIONS, resolutions);
}

export function decodeResolutions(bytes: Uint8Array): readonly Resolution[] | undefined {
  return decode(RESOLUTIONS, bytes);
}

/** As for resolutions. */
export function encodeIds(ids: readonly TransactionId[]): Uint8Array {
  return encode(IDS, ids);
}

export function decodeIds(bytes: Uint8Array): readonly TransactionId[] | undefined {
  return decode(IDS, bytes);
}

export function encodeConclusion(conclusion: ConcludingSteps): Uint8Array {
  return encode(CONCLUSION, conclusion);
}

export function decodeConclusion(bytes: Uint8Array): ConcludingSteps | undefined {
  return decode(CONCLUSION, bytes);
}

/** Operations alone, to be validated. */
export function encodeOperations(operations: Command): Uint8Array {
  return encode(OPERATIONS, operations);
}

export function decodeOperations(bytes: Uint8Array): Command | undefined {
  return decode(COMMAND, bytes);
}
