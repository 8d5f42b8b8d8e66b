/** Requests of clients to nodes, and their one encoding. */

import { unreachable } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Participant } from '../machine/transaction.ts';
import { PARTICIPANTS } from '../machine/transaction-codec.ts';
import { CONTENDER, CONTENDER_OR_NONE, type Contender } from '../machine/transaction-id.ts';

/**
 * What a read may trade for speed; `stale` accepts a state that was current at most that long ago.
 */
export type ReadLevel =
  | { readonly type: 'linearizable' }
  | { readonly type: 'lease' }
  | { readonly type: 'stale'; readonly ageMilliseconds: number };

export type Request =
  /** The cluster map, if it is newer than the client's. */
  | { readonly type: 'map'; readonly id: number; readonly knownVersion: number }
  /** Commands for one shard, encoded by the machine. */
  | {
      readonly type: 'write';
      readonly id: number;
      readonly shard: ShardId;
      readonly epoch: number;
      readonly batch: Uint8Array;
    }
  /** The rows of some keys, all as of one moment. */
  | ({ readonly type: 'read'; readonly keys: readonly Uint8Array[] } & ReadTerms)
  /** The rows of a range in key order, as of one moment, up to a limit. */
  | ({ readonly type: 'range'; readonly range: RangeQuery } & ReadTerms)
  /** A command for the catalog, in its encoding: from a joining node, or from an operator. */
  | { readonly type: 'command'; readonly id: number; readonly command: Uint8Array }
  /** What the node reports about itself, for people. */
  | { readonly type: 'info'; readonly id: number }
  /** A transaction over several shards, encoded by the machine; `shard` is its home shard. */
  | {
      readonly type: 'transact';
      readonly id: number;
      readonly shard: ShardId;
      readonly epoch: number;
      readonly transaction: Uint8Array;
    }
  /** A step of transactions in one shard, encoded by the machine. Only nodes may request it. */
  | {
      readonly type: 'step';
      readonly id: number;
      readonly shard: ShardId;
      readonly epoch: number;
      readonly step: StepName;
      readonly bytes: Uint8Array;
    }
  /**
   * Whether the checks hold, while no other transaction locks a key of them. A transaction that
   * holds locks itself is the owner, and does not wait for higher priority; without an owner, the
   * answer waits for all locks.
   */
  | ({
      readonly type: 'validate';
      readonly owner: Contender | undefined;
      readonly checks: Uint8Array;
    } & ReadTerms)
  /** The outcome of a transaction; it is aborted here if no coordinator runs it any more. */
  | {
      readonly type: 'settle';
      readonly id: number;
      readonly shard: ShardId;
      readonly contender: Contender;
      readonly participants: readonly Participant[];
      /** A request with higher priority waits: the coordinator aborts if nothing is decided. */
      readonly isPreempting: boolean;
    }
  /** The transactions that wait on the node, for operators. */
  | { readonly type: 'pending'; readonly id: number };

type StepName = 'prepare' | 'resolve';
const STEPS: readonly StepName[] = ['prepare', 'resolve'];

interface ReadTerms {
  readonly id: number;
  readonly shard: ShardId;
  readonly epoch: number;
  readonly level: ReadLevel;
  /** How long the requester waits; afterwards no answer is due. */
  readonly patienceMilliseconds: number;
  /**
   * A transaction that has failed often. The keys that it reads are reserved for it, for a bounded
   * time, until it has been validated or has written. Affects only which requests wait.
   */
  readonly reserver?: Contender;
}

/** Keys in [from, to); no bytes leave an end open. */
export interface RangeQuery {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly isReverse: boolean;
  readonly answer: RangeAnswer;
  /** Rows of one answer; the node may return fewer. */
  readonly rowsMax: number;
}

/** Rows, keys only, or their number only. */
type RangeAnswer = 'rows' | 'keys' | 'count';

/** The first element of a message. A number is never given a second meaning. */
const TYPE = {
  map: 1,
  write: 2,
  read: 3,
  range: 4,
  command: 5,
  info: 6,
  transact: 7,
  step: 8,
  validate: 9,
  settle: 10,
  pending: 11,
} as const;
const LENGTH = {
  map: 3,
  write: 5,
  read: 9,
  range: 13,
  command: 3,
  info: 2,
  transact: 5,
  step: 6,
  validate: 10,
  settle: 6,
  pending: 2,
} as const;
const LEVELS = ['linearizable', 'lease', 'stale'] as const;
const ANSWERS: readonly RangeAnswer[] = ['rows', 'keys', 'count'];

/** The shortest message: a header, a type, an id. */
const REQUEST_BYTES_MIN = 3;

/** One buffer serves all frames: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/** A frame. Required: within `WIRE_LIMITS`. */
export function encodeRequests(requests: readonly Request[]): Uint8Array {
  writer.clear();
  writer.array(requests.length);
  for (const request of requests) writeRequest(request);
  return writer.take();
}

/**
 * Undefined if the frame is not exactly what `encodeRequests` makes. Batches and keys are views on
 * the bytes, which the caller gives away.
 */
export function decodeRequests(bytes: Uint8Array): readonly Request[] | undefined {
  const reader = new RequestReader(bytes);
  const requests: Request[] = [];
  for (let request = reader.next(); request !== undefined; request = reader.next()) {
    requests.push(request);
  }
  return reader.isBroken ? undefined : requests;
}

/** Decodes the requests of a frame one by one: decoding a large frame at once takes long. */
export class RequestReader {
  readonly #reader: Reader;
  #count: number;

  constructor(bytes: Uint8Array) {
    this.#reader = new Reader(bytes);
    this.#count = this.#reader.array(REQUEST_LIMITS.requestsMax, REQUEST_BYTES_MIN);
    if (bytes.length > WIRE_LIMITS.frameBytesMax) this.#reader.break();
    this.#checkEnd();
  }

  /** None is left; a broken frame counts as finished. */
  get isOver(): boolean {
    return this.#count === 0 || this.#reader.isBroken;
  }

  /** The frame is not exactly what `encodeRequests` makes; known only after its last request. */
  get isBroken(): boolean {
    return this.#reader.isBroken;
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#reader.left;
  }

  next(): Request | undefined {
    if (this.isOver) return undefined;
    const request = readRequest(this.#reader);
    if (request === undefined) this.#reader.break();
    this.#count -= 1;
    this.#checkEnd();
    return this.#reader.isBroken ? undefined : request;
  }

  #checkEnd(): void {
    if (this.#count === 0 && this.#reader.left > 0) this.#reader.break();
  }
}

/** At least the encoded size of the request. */
export function bytesMaxOfRequest(request: Request): number {
  switch (request.type) {
    case 'map':
    case 'info':
    case 'pending':
      return SCALARS_BYTES_MAX;
    case 'transact':
      return SCALARS_BYTES_MAX + request.transaction.length;
    case 'step':
      return SCALARS_BYTES_MAX + request.bytes.length;
    case 'validate':
      return SCALARS_BYTES_MAX + request.checks.length;
    case 'settle':
      return (
        SCALARS_BYTES_MAX + request.participants.length * TRANSACTION_LIMITS.participantBytesMax
      );
    case 'write':
      return SCALARS_BYTES_MAX + request.batch.length;
    case 'command':
      return SCALARS_BYTES_MAX + request.command.length;
    case 'read':
      return request.keys.reduce((sum, key) => sum + key.length + 5, SCALARS_BYTES_MAX);
    case 'range':
      return SCALARS_BYTES_MAX + request.range.from.length + request.range.to.length;
    default:
      return unreachable(request);
  }
}

const SCALARS_BYTES_MAX = 192;

function writeRequest(request: Request): void {
  writer.array(LENGTH[request.type]);
  writer.count(TYPE[request.type]);
  writer.count(request.id);
  switch (request.type) {
    case 'map':
      writer.count(request.knownVersion);
      break;
    case 'write':
      writer.count(request.shard);
      writer.count(request.epoch);
      writer.bytes(request.batch);
      break;
    case 'read':
      writeTerms(request);
      writer.array(request.keys.length);
      for (const key of request.keys) writer.bytes(key);
      break;
    case 'range':
      writeTerms(request);
      writeRange(request.range);
      break;
    case 'command':
      writer.bytes(request.command);
      break;
    case 'info':
    case 'pending':
      break;
    case 'transact':
      writer.count(request.shard);
      writer.count(request.epoch);
      writer.bytes(request.transaction);
      break;
    case 'step':
      writer.count(request.shard);
      writer.count(request.epoch);
      writer.count(STEPS.indexOf(request.step));
      writer.bytes(request.bytes);
      break;
    case 'validate':
      writeTerms(request);
      CONTENDER_OR_NONE.write(writer, request.owner);
      writer.bytes(request.checks);
      break;
    case 'settle':
      writer.count(request.shard);
      CONTENDER.write(writer, request.contender);
      PARTICIPANTS.write(writer, request.participants);
      writer.truth(request.isPreempting);
      break;
    default:
      unreachable(request);
  }
}

function writeTerms(terms: ReadTerms): void {
  const { level } = terms;
  writer.count(terms.shard);
  writer.count(terms.epoch);
  writer.count(LEVELS.indexOf(level.type));
  writer.count(level.type === 'stale' ? level.ageMilliseconds : 0);
  writer.count(terms.patienceMilliseconds);
  CONTENDER_OR_NONE.write(writer, terms.reserver);
}

function writeRange(range: RangeQuery): void {
  writer.bytes(range.from);
  writer.bytes(range.to);
  writer.truth(range.isReverse);
  writer.count(ANSWERS.indexOf(range.answer));
  writer.count(range.rowsMax);
}

function readRequest(reader: Reader): Request | undefined {
  const length = reader.array(LENGTH.range, 1);
  const type = reader.count();
  const id = reader.count();
  switch (type) {
    case TYPE.map:
      if (length !== LENGTH.map) return undefined;
      return { type: 'map', id, knownVersion: reader.count() };
    case TYPE.write: {
      if (length !== LENGTH.write) return undefined;
      const shard = reader.count() as ShardId;
      const epoch = reader.count();
      const batch = reader.bytes(WIRE_LIMITS.payloadBytesMax);
      return { type: 'write', id, shard, epoch, batch };
    }
    case TYPE.read:
      if (length !== LENGTH.read) return undefined;
      return { type: 'read', ...readTerms(reader, id), keys: readKeys(reader) };
    case TYPE.range:
      if (length !== LENGTH.range) return undefined;
      return { type: 'range', ...readTerms(reader, id), range: readRange(reader) };
    case TYPE.command:
      if (length !== LENGTH.command) return undefined;
      return { type: 'command', id, command: reader.bytes(WIRE_LIMITS.payloadBytesMax) };
    case TYPE.info:
      return length === LENGTH.info ? { type: 'info', id } : undefined;
    case TYPE.pending:
      return length === LENGTH.pending ? { type: 'pending', id } : undefined;
    case TYPE.transact: {
      if (length !== LENGTH.transact) return undefined;
      const shard = reader.count() as ShardId;
      const epoch = reader.count();
      const transaction = reader.bytes(WIRE_LIMITS.payloadBytesMax);
      return { type: 'transact', id, shard, epoch, transaction };
    }
    case TYPE.step: {
      if (length !== LENGTH.step) return undefined;
      const shard = reader.count() as ShardId;
      const epoch = reader.count();
      const step = STEPS[reader.count()];
      const bytes = reader.bytes(WIRE_LIMITS.payloadBytesMax);
      return step && { type: 'step', id, shard, epoch, step, bytes };
    }
    case TYPE.validate: {
      if (length !== LENGTH.validate) return undefined;
      const terms = readTerms(reader, id);
      const owner = CONTENDER_OR_NONE.read(reader);
      return {
        type: 'validate',
        ...terms,
        owner,
        checks: reader.bytes(WIRE_LIMITS.payloadBytesMax),
      };
    }
    case TYPE.settle: {
      if (length !== LENGTH.settle) return undefined;
      const shard = reader.count() as ShardId;
      const contender = CONTENDER.read(reader);
      const participants = PARTICIPANTS.read(reader);
      const isPreempting = reader.truth();
      if (participants.length === 0) return undefined;
      return { type: 'settle', id, shard, contender, participants, isPreempting };
    }
    default:
      return undefined;
  }
}

function readTerms(reader: Reader, id: number): ReadTerms {
  const shard = reader.count() as ShardId;
  const epoch = reader.count();
  const type = LEVELS[reader.count()];
  const ageMilliseconds = reader.count();
  const patienceMilliseconds = reader.count();
  if (type === undefined || (type !== 'stale' && ageMilliseconds > 0)) reader.break();
  const level: ReadLevel =
    type === 'stale' ? { type, ageMilliseconds } : { type: type ?? 'linearizable' };
  const reserver = CONTENDER_OR_NONE.read(reader);
  const terms = { id, shard, epoch, level, patienceMilliseconds };
  return reserver === undefined ? terms : { ...terms, reserver };
}

function readKeys(reader: Reader): readonly Uint8Array[] {
  const count = reader.array(REQUEST_LIMITS.keysMax, 2);
  const keys: Uint8Array[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    keys.push(reader.bytes(REQUEST_LIMITS.keyBytesMax));
  }
  return keys;
}

function readRange(reader: Reader): RangeQuery {
  const from = reader.bytes(REQUEST_LIMITS.keyBytesMax + 1);
  const to = reader.bytes(REQUEST_LIMITS.keyBytesMax + 1);
  const isReverse = reader.truth();
  const answer = ANSWERS[reader.count()];
  const rowsMax = reader.count();
  if (answer === undefined) reader.break();
  return { from, to, isReverse, answer: answer ?? 'rows', rowsMax };
}
