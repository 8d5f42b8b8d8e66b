/** Messages between nodes beside those of shards, and their one encoding. */

import { TOKEN_ID_BYTES } from '../access/token.ts';
import type { MemberId, ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader } from '../base/message-pack.ts';
import {
  bytes,
  count,
  decode,
  encode,
  type FieldsOf,
  list,
  type Of,
  octets,
  struct,
  truth,
  union,
  variant,
  variantIn,
} from '../base/schema.ts';
import { NAME } from '../catalog/access-codec.ts';

/** The fingerprint of a member's state as of an entry. */
const REPORT = {
  shard: count<ShardId>(),
  member: count<MemberId>(),
  index: count(),
  /** Of the entry: states are compared only behind the same entry. */
  term: count(),
  /** Two words of 32 bits. */
  one: count(),
  two: count(),
};

/** The keys and bytes that one shard has in some ranges, which the id stands for. */
const STORED_COUNT = struct({
  shard: count<ShardId>(),
  id: count(),
  /** The index of the last entry that is counted. */
  index: count(),
  keys: count(),
  bytes: count(),
});

export const STORED_COUNTS_MAX = 1024;

/** Numbers from 32 on, so that the first byte tells them apart from messages of shards. */
const NUMBER_MIN = 32;

const MESSAGE = union({
  /**
   * Sent at least every heartbeat interval to every peer: the node is alive, knows this map, and
   * whether its disk is nearly full.
   */
  beat: variant(NUMBER_MIN, { mapVersion: count(), isReadOnly: truth }),
  /** To a peer whose heartbeat carried an older version. */
  map: variant(33, { map: bytes(WIRE_LIMITS.frameBytesMax) }),
  /**
   * A forwarded request, as a frame of one; it is not forwarded again. `client` is the number of
   * the client's connection at the sender, which may do less than a node, or 0 for the node itself.
   */
  forward: variant(34, { id: count(), client: count(), request: bytes(WIRE_LIMITS.frameBytesMax) }),
  /** The response to it, as a frame of one. */
  forwarded: variant(35, { id: count(), response: bytes(WIRE_LIMITS.frameBytesMax) }),
  /** To the leader of a shard, from a follower that wants the commit index. */
  ask: variant(36, {
    id: count(),
    shard: count<ShardId>(),
    /** The follower has streams: it wants to learn of commits at once. */
    isWatching: truth,
  }),
  /** The commit index when the question arrived; 0: the receiver does not lead. */
  told: variant(37, { id: count(), shard: count<ShardId>(), index: count() }),
  /**
   * From a shard's leader to each replica: asks for the fingerprint of its state as of this entry.
   */
  'fingerprint-ask': variant(38, { shard: count<ShardId>(), index: count() }),
  fingerprint: variant(39, REPORT),
  /** To a replica that differs from a majority, with the replica's own report. */
  diverged: variant(40, REPORT),
  /** Asks the peer to store the word of the sender's hello as its newest life. */
  claim: variant(41, { word: count() }),
  /** The life is on disk, and only lives that follow it will be accepted. */
  known: variant(42, { word: count() }),
  /**
   * As `forward`, of a client that has a token, which this node has seen: the receiver looks the
   * token up and decides anew. `accessVersion` is what the sender knows.
   */
  'forward-as': variant(43, {
    id: count(),
    client: count(),
    token: octets(TOKEN_ID_BYTES),
    accessVersion: count(),
    request: bytes(WIRE_LIMITS.frameBytesMax),
  }),
  /** The same for a client whose certificate, which this node has seen, names a user. */
  'forward-for': variant(44, {
    id: count(),
    client: count(),
    user: NAME,
    accessVersion: count(),
    request: bytes(WIRE_LIMITS.frameBytesMax),
  }),
  /**
   * What a node has counted in ranges with storage limits; each count is as of an entry. Sent only
   * while the map has such limits, so only to nodes that know of them.
   */
  stored: variant(45, { counts: list(STORED_COUNT, { min: 1, max: STORED_COUNTS_MAX }) }),
});

const FRAME = list(MESSAGE, { max: REQUEST_LIMITS.requestsMax });

export type FingerprintReport = FieldsOf<typeof REPORT>;
export type StoredCount = Of<typeof STORED_COUNT>;
export type NodeMessage = Of<typeof MESSAGE>;

type Forward = Extract<NodeMessage, { type: 'forward' | 'forward-as' | 'forward-for' }>;

export function isForward(message: NodeMessage): message is Forward {
  return message.type.startsWith('forward') && message.type !== 'forwarded';
}

/** Required: at least one message, and within `WIRE_LIMITS`. */
export function encodeNodeMessages(messages: readonly NodeMessage[]): Uint8Array {
  return encode(FRAME, messages);
}

/** Undefined if the frame is not exactly what `encodeNodeMessages` makes. */
export function decodeNodeMessages(frame: Uint8Array): readonly NodeMessage[] | undefined {
  return frame.length > WIRE_LIMITS.frameBytesMax ? undefined : decode(FRAME, frame);
}

/** Whether a frame holds messages between nodes, and not messages of shards. */
export function isOfNodes(frame: Uint8Array): boolean {
  const reader = new Reader(frame);
  if (reader.array(REQUEST_LIMITS.requestsMax, 1) === 0) return false;
  return (variantIn(reader) ?? 0) >= NUMBER_MIN;
}
