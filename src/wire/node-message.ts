/** Messages between nodes beside those of shards, and their one encoding. */

import { unreachable } from '../base/assert.ts';
import type { MemberId, ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';

export type NodeMessage =
  /**
   * Sent at least every heartbeat interval to every peer: the node is alive, knows this map, and
   * whether its disk is nearly full.
   */
  | { readonly type: 'beat'; readonly mapVersion: number; readonly isReadOnly: boolean }
  /** To a peer whose heartbeat carried an older version. */
  | { readonly type: 'map'; readonly map: Uint8Array }
  /** A forwarded request, as a frame of one; it is not forwarded again. */
  | {
      readonly type: 'forward';
      readonly id: number;
      /**
       * The number of the client's connection at the sender, which may do less than a node, or 0
       * for the node itself.
       */
      readonly client: number;
      readonly request: Uint8Array;
    }
  /** The response to it, as a frame of one. */
  | { readonly type: 'forwarded'; readonly id: number; readonly response: Uint8Array }
  /** To the leader of a shard, from a follower that wants the commit index. */
  | { readonly type: 'ask'; readonly id: number; readonly shard: ShardId }
  /** The commit index when the question arrived; 0: the receiver does not lead. */
  | { readonly type: 'told'; readonly id: number; readonly shard: ShardId; readonly index: number }
  /**
   * From a shard's leader to each replica: asks for the fingerprint of its state as of this entry.
   */
  | { readonly type: 'fingerprint-ask'; readonly shard: ShardId; readonly index: number }
  | ({ readonly type: 'fingerprint' } & FingerprintReport)
  /** To a replica that differs from a majority, with the replica's own report. */
  | ({ readonly type: 'diverged' } & FingerprintReport)
  /** Asks the peer to store the word of the sender's hello as its newest life. */
  | { readonly type: 'claim'; readonly word: number }
  /** The life is on disk, and only lives that follow it will be accepted. */
  | { readonly type: 'known'; readonly word: number };

/** The fingerprint of a member's state as of an entry. */
export interface FingerprintReport {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly index: number;
  /** Of the entry: states are compared only behind the same entry. */
  readonly term: number;
  /** Two words of 32 bits. */
  readonly one: number;
  readonly two: number;
}

/** Distinct from those of the messages of shards, so that the first byte tells them apart. */
const TYPE = {
  beat: 32,
  map: 33,
  forward: 34,
  forwarded: 35,
  ask: 36,
  told: 37,
  'fingerprint-ask': 38,
  fingerprint: 39,
  diverged: 40,
  claim: 41,
  known: 42,
} as const;
const LENGTH = {
  beat: 3,
  map: 2,
  forward: 4,
  forwarded: 3,
  ask: 3,
  told: 4,
  'fingerprint-ask': 3,
  fingerprint: 7,
  diverged: 7,
  claim: 2,
  known: 2,
} as const;
const LENGTH_MAX = LENGTH.fingerprint;
const MESSAGE_BYTES_MIN = 3;

/** One buffer serves all frames: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/** Required: at least one message, and within `WIRE_LIMITS`. */
export function encodeNodeMessages(messages: readonly NodeMessage[]): Uint8Array {
  writer.clear();
  writer.array(messages.length);
  for (const message of messages) writeMessage(message);
  return writer.take();
}

/** Undefined if the frame is not exactly what `encodeNodeMessages` makes. */
export function decodeNodeMessages(bytes: Uint8Array): readonly NodeMessage[] | undefined {
  if (bytes.length > WIRE_LIMITS.frameBytesMax) return undefined;
  const reader = new Reader(bytes);
  const messages: NodeMessage[] = [];
  const count = reader.array(REQUEST_LIMITS.requestsMax, MESSAGE_BYTES_MIN);
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const message = readMessage(reader);
    if (message === undefined) reader.break();
    else messages.push(message);
  }
  return reader.isBroken || reader.left > 0 ? undefined : messages;
}

/** Whether a frame holds messages between nodes, and not messages of shards. */
export function isOfNodes(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes);
  if (reader.array(REQUEST_LIMITS.requestsMax, 1) === 0) return false;
  reader.array(LENGTH_MAX, 1);
  return reader.count() >= TYPE.beat && !reader.isBroken;
}

/** At least the encoded size of the message. */
export function bytesMaxOfNodeMessage(message: NodeMessage): number {
  switch (message.type) {
    case 'beat':
    case 'ask':
    case 'told':
    case 'fingerprint-ask':
    case 'fingerprint':
    case 'diverged':
    case 'claim':
    case 'known':
      return SCALARS_BYTES_MAX;
    case 'map':
      return SCALARS_BYTES_MAX + message.map.length;
    case 'forward':
      return SCALARS_BYTES_MAX + message.request.length;
    case 'forwarded':
      return SCALARS_BYTES_MAX + message.response.length;
    default:
      return unreachable(message);
  }
}

const SCALARS_BYTES_MAX = 64;

function writeMessage(message: NodeMessage): void {
  writer.array(LENGTH[message.type]);
  writer.count(TYPE[message.type]);
  switch (message.type) {
    case 'beat':
      writer.count(message.mapVersion);
      writer.truth(message.isReadOnly);
      break;
    case 'map':
      writer.bytes(message.map);
      break;
    case 'forward':
      writer.count(message.id);
      writer.count(message.client);
      writer.bytes(message.request);
      break;
    case 'forwarded':
      writer.count(message.id);
      writer.bytes(message.response);
      break;
    case 'ask':
      writer.count(message.id);
      writer.count(message.shard);
      break;
    case 'told':
      writer.count(message.id);
      writer.count(message.shard);
      writer.count(message.index);
      break;
    case 'fingerprint-ask':
      writer.count(message.shard);
      writer.count(message.index);
      break;
    case 'fingerprint':
    case 'diverged':
      writeReport(message);
      break;
    case 'claim':
    case 'known':
      writer.count(message.word);
      break;
    default:
      unreachable(message);
  }
}

function readMessage(reader: Reader): NodeMessage | undefined {
  const length = reader.array(LENGTH_MAX, 1);
  switch (reader.count()) {
    case TYPE.beat:
      if (length !== LENGTH.beat) return undefined;
      return { type: 'beat', mapVersion: reader.count(), isReadOnly: reader.truth() };
    case TYPE.map:
      if (length !== LENGTH.map) return undefined;
      return { type: 'map', map: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    case TYPE.forward: {
      if (length !== LENGTH.forward) return undefined;
      const id = reader.count();
      const client = reader.count();
      return { type: 'forward', id, client, request: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    }
    case TYPE.forwarded: {
      if (length !== LENGTH.forwarded) return undefined;
      const id = reader.count();
      return { type: 'forwarded', id, response: reader.bytes(WIRE_LIMITS.frameBytesMax) };
    }
    case TYPE.ask: {
      if (length !== LENGTH.ask) return undefined;
      const id = reader.count();
      return { type: 'ask', id, shard: reader.count() as ShardId };
    }
    case TYPE.told: {
      if (length !== LENGTH.told) return undefined;
      const id = reader.count();
      const shard = reader.count() as ShardId;
      return { type: 'told', id, shard, index: reader.count() };
    }
    case TYPE['fingerprint-ask']: {
      if (length !== LENGTH['fingerprint-ask']) return undefined;
      const shard = reader.count() as ShardId;
      return { type: 'fingerprint-ask', shard, index: reader.count() };
    }
    case TYPE.fingerprint:
      if (length !== LENGTH.fingerprint) return undefined;
      return { type: 'fingerprint', ...readReport(reader) };
    case TYPE.diverged:
      if (length !== LENGTH.diverged) return undefined;
      return { type: 'diverged', ...readReport(reader) };
    case TYPE.claim:
      return length === LENGTH.claim ? { type: 'claim', word: reader.count() } : undefined;
    case TYPE.known:
      return length === LENGTH.known ? { type: 'known', word: reader.count() } : undefined;
    default:
      return undefined;
  }
}

function writeReport({ shard, member, index, term, one, two }: FingerprintReport): void {
  for (const number of [shard, member, index, term, one, two]) writer.count(number);
}

function readReport(reader: Reader): FingerprintReport {
  const shard = reader.count() as ShardId;
  const member = reader.count() as MemberId;
  const index = reader.count();
  const term = reader.count();
  const one = reader.count();
  return { shard, member, index, term, one, two: reader.count() };
}
