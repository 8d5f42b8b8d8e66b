/** Responses of nodes to clients, and their one encoding. */

import { STORAGE_LIMIT_NAMES } from '../access/storage-limits.ts';
import { TOKEN_BYTES } from '../access/token.ts';
import { USER_LIMIT_NAMES } from '../access/user-limits.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import {
  bytes,
  bytesList,
  bytesMaxOf,
  count,
  decode,
  encode,
  list,
  type Of,
  octets,
  oneOf,
  type Schema,
  truth,
  union,
  variant,
} from '../base/schema.ts';

/** Why a request was not served. `EFFECT_OF` says whether it may have taken effect. */
export const FAILURES = [
  /** Another node leads, or no leader is known; the leader is named if known. */
  'not-leader',
  /** The shard is not here, or the client's map is old. */
  'not-here',
  /** Too much is waiting; retry after the given time. */
  'overloaded',
  /** The disk is nearly full; deletes are still served. */
  'read-only',
  /** The request is invalid. */
  'malformed',
  /** A key, value or batch is beyond its limit. */
  'too-large',
  /** The node is shutting down. */
  'closing',
  /** It took longer than the requester's waiting time. */
  'too-late',
  /** The replica cannot prove that its state is that fresh. */
  'not-fresh',
  /** The data is damaged on this replica; other replicas have it. */
  'damaged',
  /** It was proposed, and then leadership was lost: it may have taken effect, or still will. */
  'lost',
  /** The answer does not fit in a frame: ask for less. */
  'too-much',
  /** A transaction locks a key of it, for longer than the request may wait; retry. */
  'held',
  /** Only nodes may make this request. */
  'nodes-only',
  /** The data is damaged, and no other replica has it. */
  'value-lost',
  /** This replica does not know what comes behind the position; another one may. */
  'history-gone',
  /** Too many streams are open; others have room. */
  'streams-full',
  /** The shard does not record changes: a `barrier` makes it record. */
  'not-recording',
  /** The node does not serve requests of this type: its version is older than the requester's. */
  'unsupported',
  /** The cluster wants to know who asks, and the token is missing, unknown or expired. */
  'unauthenticated',
  /** The roles of the user do not permit it. */
  'forbidden',
  /** It has to be audited, and the node cannot write its audit trail. */
  'audit-unavailable',
  /** Too many attempts to log in, by this user or from this address; retry after the given time. */
  'too-many-logins',
] as const;

export type Failure = (typeof FAILURES)[number];

/** Whether a request that failed this way can have taken effect. */
export function effectOf(failure: Failure): 'notApplied' | 'unknown' {
  return failure === 'lost' || failure === 'too-late' ? 'unknown' : 'notApplied';
}

/** A key and its stored row, encoded by the machine; an empty row where only keys were asked. */
export interface RangeRow {
  readonly key: Uint8Array;
  readonly row: Uint8Array;
}

/** One reply for each command, encoded by the machine. */
interface Written {
  readonly type: 'written';
  readonly id: number;
  readonly time: number;
  readonly replies: readonly Uint8Array[];
}

/** One row for each key, encoded by the machine; no bytes for none. */
interface Rows {
  readonly type: 'rows';
  readonly id: number;
  readonly time: number;
  /** The applied index when they were read. */
  readonly index: number;
  readonly rows: readonly Uint8Array[];
}

const BYTES = bytes(WIRE_LIMITS.frameBytesMax);
const KEY = bytes(REQUEST_LIMITS.keyBytesMax);
const LIST = bytesList({ max: REQUEST_LIMITS.listMax, bytesMax: WIRE_LIMITS.frameBytesMax });

/** By hand, like `ROWS`: most responses are of these two types. */
const WRITTEN: Schema<Written> = {
  elements: 3,
  bytesMin: 3,
  write: (writer, { id, time, replies }) => {
    writer.count(id);
    writer.count(time);
    LIST.write(writer, replies);
  },
  read: (reader) => {
    const id = reader.count();
    return { type: 'written', id, time: reader.count(), replies: LIST.read(reader) };
  },
};

const ROWS: Schema<Rows> = {
  elements: 4,
  bytesMin: 4,
  write: (writer, { id, time, index, rows }) => {
    writer.count(id);
    writer.count(time);
    writer.count(index);
    LIST.write(writer, rows);
  },
  read: (reader) => {
    const id = reader.count();
    const time = reader.count();
    return { type: 'rows', id, time, index: reader.count(), rows: LIST.read(reader) };
  },
};

/** Keys and rows in turns, by hand: a page may hold ten thousand. */
const RANGE_ROWS: Schema<readonly RangeRow[]> = {
  elements: 1,
  bytesMin: 1,
  write: (writer, rows) => {
    writer.array(rows.length * 2);
    for (const { key, row } of rows) {
      writer.bytes(key);
      writer.bytes(row);
    }
  },
  read: (reader) => {
    const length = reader.array(REQUEST_LIMITS.rowsMax * 2, 2);
    if (length % 2 !== 0) reader.break();
    const rows: RangeRow[] = [];
    for (let at = 0; at < length && !reader.isBroken; at += 2) {
      rows.push({ key: KEY.read(reader), row: BYTES.read(reader) });
    }
    return rows;
  },
};

/**
 * What one `changes` has: changes of the log, a page of the range, its last page, or nothing but
 * the position that the stream has come to.
 */
const CHANGES_KINDS = ['changes', 'rows', 'rows-end', 'progress'] as const;

const RESPONSE = union({
  failed: variant(0, {
    id: count(),
    failure: oneOf(FAILURES),
    /** The shard's log time; 0 if it is not known here. */
    time: count(),
    /** The node that leads; 0 if it is not known here. */
    leader: count(),
    retryAfterMilliseconds: count(),
  }),
  /** No bytes if the client's map is current. Also sent unsolicited, with id 0. */
  map: variant(1, { id: count(), map: BYTES }),
  written: variant(2, WRITTEN),
  rows: variant(3, ROWS),
  range: variant(4, {
    id: count(),
    time: count(),
    /** As for rows. */
    index: count(),
    rows: RANGE_ROWS,
    /** How many keys were seen, returned or only counted. */
    count: count(),
    /** The last key that was seen; no bytes if none was. */
    last: KEY,
    /** The end of the range was reached. */
    isEnd: truth,
  }),
  /** The catalog's reply, in its encoding. */
  commanded: variant(5, { id: count(), reply: BYTES }),
  /** A text in JSON. */
  info: variant(6, { id: count(), text: BYTES }),
  /** Unsolicited, so with id 0: another node serves this shard, and asking it saves a hop. */
  leader: variant(7, { id: count(), shard: count<ShardId>(), leader: count() }),
  /**
   * One of many responses to a `watch`. A client takes it only if it is the next one, and `after`
   * is the position that it has; the first one of a stream without a start comes after index 0.
   */
  changes: variant(8, {
    id: count(),
    /** Counts the responses to the request, from 1: not all of them move the position. */
    sequence: count(),
    after: count(),
    /**
     * The position behind it: index and term. While it is that of `after`, the next message has
     * more of the same entry, and the reader keeps both back.
     */
    through: count(),
    throughTerm: count(),
    kind: oneOf(CHANGES_KINDS),
    /**
     * Changes as the machine encodes them, one behind the other. Rows are sets with previous
     * version 0 and transaction 0.
     */
    block: BYTES,
    /** Behind rows: the first key that was not sent yet. No bytes otherwise. */
    cursor: bytes(REQUEST_LIMITS.keyBytesMax + 1),
  }),
  /** A position at or behind everything that was acknowledged before the request. */
  barrier: variant(9, { id: count(), time: count(), index: count(), term: count() }),
  kept: variant(10, {
    id: count(),
    time: count(),
    /** Those that are not alive any more. */
    ended: list(octets(COORDINATION_LIMITS.leaseIdBytes), {
      max: COORDINATION_LIMITS.keptLeasesMax,
    }),
  }),
  ticket: variant(11, {
    id: count(),
    time: count(),
    /** 0 while it waits. */
    fence: count(),
    /** Tickets in front of it, and itself; 0: it is gone. */
    position: count({ max: COORDINATION_LIMITS.ticketsOfLockMax }),
  }),
  listed: variant(12, {
    id: count(),
    time: count(),
    rows: bytesList({
      max: REQUEST_LIMITS.coordinationRowsMax,
      bytesMax: REQUEST_LIMITS.rangeBytesMax,
    }),
    /** Where the next page begins. */
    last: bytes(REQUEST_LIMITS.keyBytesMax + 1),
    isEnd: truth,
  }),
  /** The user of the client has used up what it may use of this node: not served, not applied. */
  limited: variant(13, {
    id: count(),
    limit: oneOf(USER_LIMIT_NAMES),
    allowed: count(),
    retryAfterMilliseconds: count(),
  }),
  /** The token, which is told once: only its digest is kept. */
  'logged-in': variant(14, {
    id: count(),
    token: octets(TOKEN_BYTES),
    /** In milliseconds since 1970. */
    expiresAt: count(),
  }),
  /** More would be stored where the user of the client may write than is allowed: not applied. */
  'storage-limited': variant(15, {
    id: count(),
    limit: oneOf(STORAGE_LIMIT_NAMES),
    allowed: count(),
    /** Stored now, as far as the node knows. */
    used: count(),
    added: count(),
  }),
});

const FRAME = list(RESPONSE, { max: REQUEST_LIMITS.requestsMax });

export type Response = Of<typeof RESPONSE>;

/** Whether no other response to the same request follows. Every other place asks here. */
export function endsRequest({ type }: Response): boolean {
  return type !== 'changes';
}

/** A frame. Required: within `WIRE_LIMITS`. `bytesMax`, if it is known: at least its size. */
export function encodeResponses(responses: readonly Response[], bytesMax = 0): Uint8Array {
  return encode(FRAME, responses, bytesMax);
}

/** Undefined if the frame is not exactly what `encodeResponses` makes; bytes are views on it. */
export function decodeResponses(frame: Uint8Array): readonly Response[] | undefined {
  return frame.length > WIRE_LIMITS.frameBytesMax ? undefined : decode(FRAME, frame);
}

/** At least the encoded size of the response. */
export function bytesMaxOfResponse(response: Response): number {
  switch (response.type) {
    case 'written':
      return bytesMaxOfList(response.replies);
    case 'rows':
      return bytesMaxOfList(response.rows);
    default:
      return bytesMaxOf(response);
  }
}

function bytesMaxOfList(items: readonly Uint8Array[]): number {
  return items.reduce((sum, { length }) => sum + length + 5, 64);
}
