/** Requests of clients to nodes, and their one encoding. */

import { ACCESS_LIMITS, LOGIN_LIMITS, PASSWORD_LIMITS } from '../access/limits.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import {
  bytes,
  bytesList,
  count,
  encode,
  fields,
  list,
  type Of,
  octets,
  oneOf,
  type Schema,
  text,
  truth,
  union,
  variant,
  where,
} from '../base/schema.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import { PARTICIPANTS } from '../machine/transaction-codec.ts';
import { CONTENDER, CONTENDER_OR_NONE, type Contender } from '../machine/transaction-id.ts';
import type { Position } from '../raft/position.ts';

/**
 * What a read may trade for speed; `stale` accepts a state that was current at most that long ago.
 */
export type ReadLevel =
  | { readonly type: 'linearizable' }
  | { readonly type: 'lease' }
  | { readonly type: 'stale'; readonly ageMilliseconds: number };

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

/** Commands for one shard, encoded by the machine. */
interface WriteRequest {
  readonly type: 'write';
  readonly id: number;
  readonly shard: ShardId;
  readonly epoch: number;
  readonly batch: Uint8Array;
}

const PAYLOAD = bytes(WIRE_LIMITS.payloadBytesMax);
const END = bytes(REQUEST_LIMITS.keyBytesMax + 1);
const LEVELS = ['linearizable', 'lease', 'stale'] as const;

/** By hand, like `READ`: most requests are of these two types. */
const WRITE: Schema<WriteRequest> = {
  elements: 4,
  bytesMin: 5,
  write: (into, { id, shard, epoch, batch }) => {
    into.count(id);
    into.count(shard);
    into.count(epoch);
    into.bytes(batch);
  },
  read: (reader) => {
    const id = reader.count();
    const shard = reader.count() as ShardId;
    const epoch = reader.count();
    return { type: 'write', id, shard, epoch, batch: reader.bytes(WIRE_LIMITS.payloadBytesMax) };
  },
};

const KEYS = bytesList({ max: REQUEST_LIMITS.keysMax, bytesMax: REQUEST_LIMITS.keyBytesMax });

/** The rows of some keys, all as of one moment. */
const READ: Schema<{ readonly type: 'read'; readonly keys: readonly Uint8Array[] } & ReadTerms> = {
  elements: 8,
  bytesMin: 8,
  write: (into, request) => {
    writeTerms(into, request);
    KEYS.write(into, request.keys);
  },
  read: (reader) => ({ type: 'read', ...readTerms(reader), keys: KEYS.read(reader) }),
};

/** Keys in [from, to); no bytes leave an end open. */
const RANGE = fields({
  from: END,
  to: END,
  isReverse: truth,
  /** Rows, keys only, or their number only. */
  answer: oneOf(['rows', 'keys', 'count']),
  /** Rows of one answer; the node may return fewer. */
  rowsMax: count(),
});

/** A place in the log of a shard: index and term of an entry. */
const POSITION = fields({ index: count(), term: count() });

/** Where a stream begins or goes on; undefined to begin with the range itself. */
export interface StreamStart {
  /** What is sent comes behind it. */
  readonly position: Position;
  /** The first key of the range that was not sent yet; undefined if all were. */
  readonly cursor: Uint8Array | undefined;
}

const START: Schema<StreamStart | undefined> = {
  elements: 1,
  bytesMin: 1,
  write: (into, start) => {
    if (start === undefined) return into.array(0);
    const { position, cursor } = start;
    into.array(cursor === undefined ? 2 : 3);
    POSITION.write(into, position);
    if (cursor !== undefined) END.write(into, cursor);
  },
  read: (reader) => {
    const length = reader.array(3, 1);
    if (length === 0) return undefined;
    if (length === 1) reader.break();
    const position = POSITION.read(reader);
    return { position, cursor: length === 3 ? END.read(reader) : undefined };
  },
};

/** Bytes of `changes` that a stream may send: granted with it, and whenever some were taken. */
const CREDIT = count({ min: 1, max: WATCH_LIMITS.creditBytesMax });

const LOCK_NAME = bytes(COORDINATION_LIMITS.lockNameBytesMax);
const LEASE_ID = octets(COORDINATION_LIMITS.leaseIdBytes);

const ADDRESS = { id: count(), shard: count<ShardId>(), epoch: count() };

const REQUEST = union({
  /** The cluster map, if it is newer than the client's. */
  map: variant(1, { id: count(), knownVersion: count() }),
  write: variant(2, WRITE),
  read: variant(3, READ),
  /** The rows of a range in key order, as of one moment, up to a limit. */
  range: variant(4, reading('range', fields({ range: RANGE }))),
  /** A command for the catalog, in its encoding: from a joining node, or from an operator. */
  command: variant(5, { id: count(), command: PAYLOAD }),
  /** What the node reports about itself, for people. */
  info: variant(6, { id: count() }),
  /** A transaction over several shards, encoded by the machine; `shard` is its home shard. */
  transact: variant(7, { ...ADDRESS, transaction: PAYLOAD }),
  /** A step of transactions in one shard, encoded by the machine. Only nodes may request it. */
  step: variant(8, {
    ...ADDRESS,
    step: oneOf(['prepare', 'resolve', 'stage', 'prevent']),
    bytes: PAYLOAD,
  }),
  /**
   * Whether the checks hold, while no other transaction locks a key of them. A transaction that
   * holds locks itself is the owner, and does not wait for higher priority; without an owner, the
   * answer waits for all locks.
   */
  validate: variant(9, reading('validate', fields({ owner: CONTENDER_OR_NONE, checks: PAYLOAD }))),
  /** The outcome of a transaction; it is aborted here if no coordinator runs it any more. */
  settle: variant(10, {
    id: count(),
    shard: count<ShardId>(),
    contender: CONTENDER,
    participants: where(PARTICIPANTS, ({ length }) => length > 0),
    /** A request with higher priority waits: the coordinator aborts if nothing is decided. */
    isPreempting: truth,
  }),
  /** The transactions that wait on the node, for operators. */
  pending: variant(11, { id: count() }),
  /**
   * A stream of the changes in [from, to), which any replica of the shard serves: many `changes`,
   * then one `failed`, which ends it. It is not forwarded to another node.
   */
  watch: variant(12, {
    ...ADDRESS,
    from: END,
    to: END,
    start: START,
    /** The first page shows a state at or behind this index; the replica waits until it has it. */
    atLeast: count(),
    /** Changes without values. */
    keysOnly: truth,
    credit: CREDIT,
  }),
  /** More credit for the stream with this id. No answer; an unknown id may have just ended. */
  credit: variant(13, { id: count(), bytes: CREDIT }),
  /** Ends the stream with this id. No answer; `changes` that were sent before may still arrive. */
  cancel: variant(14, { id: count() }),
  /**
   * A position of the shard at or behind everything that was acknowledged before the request, also
   * what transactions changed in the range. Answered by the leader.
   */
  barrier: variant(15, {
    ...ADDRESS,
    from: END,
    to: END,
    /** Changes are recorded from that position on, so a stream may continue from there. */
    isRecording: truth,
    patienceMilliseconds: count(),
  }),
  /** Keeps leases alive. */
  keep: variant(16, {
    ...ADDRESS,
    leases: list(LEASE_ID, { max: COORDINATION_LIMITS.keptLeasesMax }),
  }),
  /** Answered when the ticket owns its lock, when it is gone, or when the patience is over. */
  'await-ticket': variant(17, {
    ...ADDRESS,
    name: where(LOCK_NAME, ({ length }) => length > 0),
    ticket: count({ max: COORDINATION_LIMITS.ticketIdMax }),
    patienceMilliseconds: count(),
  }),
  /** The leases or the tickets of a shard, page by page, for operators. */
  coordination: variant(18, {
    ...ADDRESS,
    what: oneOf(['leases', 'tickets']),
    /** What `listed` told last; no bytes to begin. */
    after: END,
    rowsMax: count(),
  }),
  /**
   * Asks the stream with this id to tell when it has sent everything through this index. No answer
   * of its own.
   */
  reach: variant(20, { id: count(), index: count() }),
  /** Who the client is to the node, or all users, tokens and roles; never a secret of them. */
  access: variant(21, { id: count(), what: oneOf(['self', 'table']) }),
  /** Exchanges a password for a token. */
  login: variant(22, {
    id: count(),
    user: text(ACCESS_LIMITS.nameBytesMax),
    password: bytes(PASSWORD_LIMITS.bytesMax),
    /** How long the token is good for; 0 for the usual time. */
    lifeMilliseconds: count({ max: LOGIN_LIMITS.lifeMillisecondsMax }),
    /** The roles of the user that it has; none: all of them. */
    scope: list(text(ACCESS_LIMITS.nameBytesMax), { max: LOGIN_LIMITS.scopeMax }),
  }),
});

const FRAME = list(REQUEST, { max: REQUEST_LIMITS.requestsMax });

export type Request = Of<typeof REQUEST>;
export type RangeQuery = Of<typeof RANGE>;

/** A request that reads: its terms by hand, then its other fields. */
function reading<const Type extends string, Rest>(type: Type, rest: Schema<Rest>) {
  const schema: Schema<{ readonly type: Type } & ReadTerms & Rest> = {
    elements: 7 + rest.elements,
    bytesMin: 7 + rest.bytesMin,
    write: (into, request) => {
      writeTerms(into, request);
      rest.write(into, request);
    },
    read: (reader) => ({ type, ...readTerms(reader), ...rest.read(reader) }),
  };
  return schema;
}

function writeTerms(into: Writer, terms: ReadTerms): void {
  const { level } = terms;
  into.count(terms.id);
  into.count(terms.shard);
  into.count(terms.epoch);
  into.count(LEVELS.indexOf(level.type));
  into.count(level.type === 'stale' ? level.ageMilliseconds : 0);
  into.count(terms.patienceMilliseconds);
  CONTENDER_OR_NONE.write(into, terms.reserver);
}

function readTerms(reader: Reader): ReadTerms {
  const id = reader.count();
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

/** A frame. Required: within `WIRE_LIMITS`. `bytesMax`, if it is known: at least its size. */
export function encodeRequests(requests: readonly Request[], bytesMax = 0): Uint8Array {
  return encode(FRAME, requests, bytesMax);
}

/**
 * Undefined if the frame is not exactly what `encodeRequests` makes. Batches and keys are views on
 * the bytes, which the caller gives away.
 */
export function decodeRequests(frame: Uint8Array): readonly Request[] | undefined {
  const reader = new RequestReader(frame);
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

  constructor(frame: Uint8Array) {
    this.#reader = new Reader(frame);
    this.#count = this.#reader.array(REQUEST_LIMITS.requestsMax, REQUEST.bytesMin);
    if (frame.length > WIRE_LIMITS.frameBytesMax) this.#reader.break();
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
    const request = REQUEST.read(this.#reader);
    this.#count -= 1;
    this.#checkEnd();
    return this.#reader.isBroken ? undefined : request;
  }

  #checkEnd(): void {
    if (this.#count === 0 && this.#reader.left > 0) this.#reader.break();
  }
}
