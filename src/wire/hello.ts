/** Hello: the first frame in both directions of every socket, and its encoding. */

import { TOKEN_BYTES } from '../access/token.ts';
import type { NodeId } from '../base/ids.ts';
import { WORDS_MAX } from '../base/life.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import {
  count,
  fields,
  list,
  type Of,
  octets,
  oneOf,
  struct,
  text,
  truth,
  union,
  variant,
  where,
} from '../base/schema.ts';
import { NONCE_BYTES } from './proof.ts';

/**
 * The versions that this build speaks. A node accepts every peer that shares a version with it (N
 * and N-1).
 */
export const VERSION_MIN = 1;
export const VERSION_MAX = 1;

const CLUSTER_BYTES_MAX = 64;
const FEATURES_MAX = 64;

/** Visible ASCII: it appears in the logs of nodes that do not trust each other yet. */
const CLUSTER = where(text(CLUSTER_BYTES_MAX), (name) => /^[\x21-\x7e]+$/.test(name));
const CLUSTER_OR_NONE = where(text(CLUSTER_BYTES_MAX), (name) => /^[\x21-\x7e]*$/.test(name));
const NODE = count<NodeId>({ min: 1 });

/** The limits of a node for its clients, so that a client does not learn them from errors. */
const CLIENT_LIMITS = struct({
  keyBytesMax: count(),
  valueBytesMax: count(),
  frameBytesMax: count(),
  batchBytesMax: count(),
});

/** Control messages and appends use the main lane; snapshots use the bulk lane. */
const LANE = oneOf(['main', 'bulk']);

/** Ascending. The receiver ignores numbers that it does not know. */
const FEATURES = where(list(count(), { max: FEATURES_MAX }), (all) =>
  all.every((feature, at) => at === 0 || feature > (all[at - 1] as number)),
);

const BODY = union({
  /** A node to a node, in both directions. */
  peer: variant(1, {
    cluster: CLUSTER,
    from: NODE,
    /** The node that the sender believes to have reached. */
    to: NODE,
    /** The life of the sender and those before it; durable before the first hello. */
    lineage: fields({ incarnation: count(), words: list(count(), { min: 1, max: WORDS_MAX }) }),
    /** Grows with every socket on which this life of the sender has said hello. */
    generation: count(),
    lane: LANE,
    /** Whether the sender's cluster has a secret; a proof of it follows (`proof.ts`). */
    isGuarded: truth,
    /** Random, of this hello alone. */
    nonce: octets(NONCE_BYTES),
  }),
  /** A client to a node. The cluster that it knows; empty when this is its first contact. */
  client: variant(2, { cluster: CLUSTER_OR_NONE }),
  /** The same with a token, which says who the client is. */
  bearer: variant(4, { cluster: CLUSTER_OR_NONE, token: octets(TOKEN_BYTES) }),
  /** A node's answer to a client. */
  node: variant(3, {
    cluster: CLUSTER,
    node: NODE,
    incarnation: count(),
    limits: CLIENT_LIMITS,
  }),
});

/** The fields of every hello. */
interface Greeting {
  /** The versions that the sender understands, both included. */
  readonly versionMin: number;
  readonly versionMax: number;
  readonly features: readonly number[];
}

export type Lane = Of<typeof LANE>;
export type ClientLimits = Of<typeof CLIENT_LIMITS>;
export type Hello = Of<typeof BODY> & Greeting;
export type PeerHello = Extract<Hello, { type: 'peer' }>;
export type ClientHello = Extract<Hello, { type: 'client' | 'bearer' }>;
export type NodeHello = Extract<Hello, { type: 'node' }>;

/** A sender of this protocol without a common version; the rest of its hello is not decoded. */
interface OtherVersion {
  readonly type: 'other-version';
  readonly versionMin: number;
  readonly versionMax: number;
}

/** `ringkv`. */
const MAGIC = [0x72, 0x69, 0x6e, 0x67, 0x6b, 0x76];

const writer = new Writer();

/**
 * The bytes belong to the caller.
 *
 * A hello precedes any agreement, so its form is that of the sender's lowest version: a sender that
 * still speaks version 1 uses the hello of version 1, and announces news by features.
 */
export function encodeHello(hello: Hello): Uint8Array {
  writer.clear();
  writer.array(5);
  writer.bytes(new Uint8Array(MAGIC));
  writer.count(hello.versionMin);
  writer.count(hello.versionMax);
  FEATURES.write(writer, hello.features);
  BODY.write(writer, hello);
  return writer.take();
}

/** Undefined if it is not exactly what `encodeHello` makes. Never throws. */
export function decodeHello(bytes: Uint8Array): Hello | OtherVersion | undefined {
  if (bytes.length > WIRE_LIMITS.helloBytesMax) return undefined;
  const reader = new Reader(bytes);
  reader.tuple(5);
  const magic = reader.bytes(MAGIC.length);
  const isOurs = magic.length === MAGIC.length && MAGIC.every((byte, at) => magic[at] === byte);
  const versionMin = reader.count();
  const versionMax = reader.count();
  if (reader.isBroken || !isOurs || versionMin < 1 || versionMin > versionMax) return undefined;
  if (versionMin > VERSION_MAX || versionMax < VERSION_MIN) {
    return { type: 'other-version', versionMin, versionMax };
  }
  const features = FEATURES.read(reader);
  const body = BODY.read(reader);
  if (reader.isBroken || reader.left > 0) return undefined;
  // A node has no reason to greet itself.
  if (body.type === 'peer' && body.from === body.to) return undefined;
  return { ...body, versionMin, versionMax, features };
}
