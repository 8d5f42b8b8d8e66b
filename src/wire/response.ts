/** Responses of nodes to clients, and their one encoding. */

import { unreachable } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';

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

export type Response =
  /** No bytes if the client's map is current. Also sent unsolicited, with id 0. */
  | { readonly type: 'map'; readonly id: number; readonly map: Uint8Array }
  /** One reply for each command, encoded by the machine. */
  | {
      readonly type: 'written';
      readonly id: number;
      readonly time: number;
      readonly replies: readonly Uint8Array[];
    }
  /** One row for each key, encoded by the machine; no bytes for none. */
  | {
      readonly type: 'rows';
      readonly id: number;
      readonly time: number;
      /** The applied index when they were read. */
      readonly index: number;
      readonly rows: readonly Uint8Array[];
    }
  | {
      readonly type: 'range';
      readonly id: number;
      readonly time: number;
      /** As for rows. */
      readonly index: number;
      readonly rows: readonly RangeRow[];
      /** How many keys were seen, returned or only counted. */
      readonly count: number;
      /** The last key that was seen; no bytes if none was. */
      readonly last: Uint8Array;
      /** The end of the range was reached. */
      readonly isEnd: boolean;
    }
  /** The catalog's reply, in its encoding. */
  | { readonly type: 'commanded'; readonly id: number; readonly reply: Uint8Array }
  /** A text in JSON. */
  | { readonly type: 'info'; readonly id: number; readonly text: Uint8Array }
  /** Unsolicited, so with id 0: another node serves this shard, and asking it saves a hop. */
  | {
      readonly type: 'leader';
      readonly id: number;
      readonly shard: ShardId;
      readonly leader: number;
    }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly failure: Failure;
      /** The shard's log time; 0 if it is not known here. */
      readonly time: number;
      /** The node that leads; 0 if it is not known here. */
      readonly leader: number;
      readonly retryAfterMilliseconds: number;
    };

/** The first element of a message. A number is never given a second meaning. */
const TYPE = {
  failed: 0,
  map: 1,
  written: 2,
  rows: 3,
  range: 4,
  commanded: 5,
  info: 6,
  leader: 7,
} as const;
const LENGTH = {
  failed: 6,
  map: 3,
  written: 4,
  rows: 5,
  range: 8,
  commanded: 3,
  info: 3,
  leader: 4,
} as const;
const RESPONSE_BYTES_MIN = 3;
const SCALARS_BYTES_MAX = 64;

/** One buffer serves all frames: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/** A frame. Required: within `WIRE_LIMITS`. */
export function encodeResponses(responses: readonly Response[]): Uint8Array {
  writer.clear();
  writer.array(responses.length);
  for (const response of responses) writeResponse(response);
  return writer.take();
}

/** Undefined if the frame is not exactly what `encodeResponses` makes; bytes are views on it. */
export function decodeResponses(bytes: Uint8Array): readonly Response[] | undefined {
  if (bytes.length > WIRE_LIMITS.frameBytesMax) return undefined;
  const reader = new Reader(bytes);
  const responses: Response[] = [];
  const count = reader.array(REQUEST_LIMITS.requestsMax, RESPONSE_BYTES_MIN);
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const response = readResponse(reader);
    if (response === undefined) reader.break();
    else responses.push(response);
  }
  return reader.isBroken || reader.left > 0 ? undefined : responses;
}

/** At least the encoded size of the response. */
export function bytesMaxOfResponse(response: Response): number {
  switch (response.type) {
    case 'failed':
    case 'leader':
      return SCALARS_BYTES_MAX;
    case 'map':
      return SCALARS_BYTES_MAX + response.map.length;
    case 'written':
      return bytesMaxOfList(response.replies);
    case 'rows':
      return bytesMaxOfList(response.rows);
    case 'range': {
      const rows = response.rows.reduce(
        (sum, row) => sum + row.key.length + row.row.length + 11,
        0,
      );
      return SCALARS_BYTES_MAX + response.last.length + rows;
    }
    case 'commanded':
      return SCALARS_BYTES_MAX + response.reply.length;
    case 'info':
      return SCALARS_BYTES_MAX + response.text.length;
    default:
      return unreachable(response);
  }
}

function bytesMaxOfList(list: readonly Uint8Array[]): number {
  return list.reduce((sum, bytes) => sum + bytes.length + 5, SCALARS_BYTES_MAX);
}

function writeResponse(response: Response): void {
  writer.array(LENGTH[response.type]);
  writer.count(TYPE[response.type]);
  writer.count(response.id);
  switch (response.type) {
    case 'failed':
      writer.count(FAILURES.indexOf(response.failure));
      writer.count(response.time);
      writer.count(response.leader);
      writer.count(response.retryAfterMilliseconds);
      break;
    case 'map':
      writer.bytes(response.map);
      break;
    case 'written':
      writer.count(response.time);
      writeList(response.replies);
      break;
    case 'rows':
      writer.count(response.time);
      writer.count(response.index);
      writeList(response.rows);
      break;
    case 'range':
      writer.count(response.time);
      writer.count(response.index);
      writer.array(response.rows.length * 2);
      for (const { key, row } of response.rows) {
        writer.bytes(key);
        writer.bytes(row);
      }
      writer.count(response.count);
      writer.bytes(response.last);
      writer.truth(response.isEnd);
      break;
    case 'commanded':
      writer.bytes(response.reply);
      break;
    case 'leader':
      writer.count(response.shard);
      writer.count(response.leader);
      break;
    case 'info':
      writer.bytes(response.text);
      break;
    default:
      unreachable(response);
  }
}

function writeList(list: readonly Uint8Array[]): void {
  writer.array(list.length);
  for (const bytes of list) writer.bytes(bytes);
}

function readResponse(reader: Reader): Response | undefined {
  const length = reader.array(LENGTH.range, 1);
  const number = reader.count();
  const id = reader.count();
  switch (number) {
    case TYPE.failed:
      return length === LENGTH.failed ? readFailed(reader, id) : undefined;
    case TYPE.map:
      if (length !== LENGTH.map) return undefined;
      return { type: 'map', id, map: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    case TYPE.written:
      if (length !== LENGTH.written) return undefined;
      return { type: 'written', id, time: reader.count(), replies: readList(reader) };
    case TYPE.rows:
      if (length !== LENGTH.rows) return undefined;
      return { type: 'rows', id, ...readMoment(reader), rows: readList(reader) };
    case TYPE.range:
      return length === LENGTH.range ? readRange(reader, id) : undefined;
    case TYPE.commanded:
      if (length !== LENGTH.commanded) return undefined;
      return { type: 'commanded', id, reply: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    case TYPE.leader: {
      if (length !== LENGTH.leader) return undefined;
      const shard = reader.count() as ShardId;
      return { type: 'leader', id, shard, leader: reader.count() };
    }
    case TYPE.info:
      if (length !== LENGTH.info) return undefined;
      return { type: 'info', id, text: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    default:
      return undefined;
  }
}

function readFailed(reader: Reader, id: number): Response {
  const failure = FAILURES[reader.count()];
  const time = reader.count();
  const leader = reader.count();
  const retryAfterMilliseconds = reader.count();
  if (failure === undefined) reader.break();
  const type = 'failed';
  return { type, id, failure: failure ?? 'malformed', time, leader, retryAfterMilliseconds };
}

function readList(reader: Reader): readonly Uint8Array[] {
  const count = reader.array(REQUEST_LIMITS.listMax, 2);
  const list: Uint8Array[] = [];
  for (let at = 0; at < count && !reader.isBroken; at++) {
    list.push(reader.bytes(WIRE_LIMITS.frameBytesMax));
  }
  return list;
}

function readMoment(reader: Reader): { readonly time: number; readonly index: number } {
  const time = reader.count();
  return { time, index: reader.count() };
}

function readRange(reader: Reader, id: number): Response {
  const moment = readMoment(reader);
  const length = reader.array(REQUEST_LIMITS.rowsMax * 2, 2);
  if (length % 2 !== 0) reader.break();
  const rows: RangeRow[] = [];
  for (let at = 0; at < length && !reader.isBroken; at += 2) {
    const key = reader.bytes(REQUEST_LIMITS.keyBytesMax);
    rows.push({ key, row: reader.bytes(WIRE_LIMITS.frameBytesMax) });
  }
  const count = reader.count();
  const last = reader.bytes(REQUEST_LIMITS.keyBytesMax);
  return { type: 'range', id, ...moment, rows, count, last, isEnd: reader.truth() };
}
