/** Hello: the first frame in both directions of every socket, and its encoding. */

import type { NodeId } from '../base/ids.ts';
import { type Lineage, WORDS_MAX } from '../base/life.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import { NONCE_BYTES } from './proof.ts';

/**
 * The versions that this build speaks. A node accepts every peer that shares a version with it (N
 * and N-1).
 */
export const VERSION_MIN = 1;
export const VERSION_MAX = 1;

/**
 * Control messages and appends use the main lane; snapshots use the bulk lane, where they delay no
 * other message.
 */
export type Lane = 'main' | 'bulk';

/** The fields of every hello. */
interface Greeting {
  /** The versions that the sender understands, both included. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** Ascending. The receiver ignores numbers that it does not know. */
  readonly features: readonly number[];
}

/** A node to a node, in both directions. */
export interface PeerHello extends Greeting {
  readonly type: 'peer';
  readonly cluster: string;
  readonly from: NodeId;
  /** The node that the sender believes to have reached. */
  readonly to: NodeId;
  /** The life of the sender and those before it; durable before the first hello. */
  readonly lineage: Lineage;
  /** Grows with every socket on which this life of the sender has said hello. */
  readonly generation: number;
  readonly lane: Lane;
  /** Whether the sender's cluster has a secret; a proof of it follows (`proof.ts`). */
  readonly isGuarded: boolean;
  /** Random, of this hello alone. */
  readonly nonce: Uint8Array;
}

/** A client to a node. */
export interface ClientHello extends Greeting {
  readonly type: 'client';
  /** The cluster that the client knows; empty when this is its first contact. */
  readonly cluster: string;
}

/** The limits of a node for its clients, so that a client does not learn them from errors. */
export interface ClientLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly frameBytesMax: number;
  readonly batchBytesMax: number;
}

/** A node's answer to a client. */
export interface NodeHello extends Greeting {
  readonly type: 'node';
  readonly cluster: string;
  readonly node: NodeId;
  readonly incarnation: number;
  readonly limits: ClientLimits;
}

export type Hello = PeerHello | ClientHello | NodeHello;

/** A sender of this protocol without a common version; the rest of its hello is not decoded. */
interface OtherVersion {
  readonly type: 'other-version';
  readonly versionMin: number;
  readonly versionMax: number;
}

const MAGIC = [0x72, 0x69, 0x6e, 0x67, 0x6b, 0x76];
const KINDS = { peer: 1, client: 2, node: 3 } as const;
const LANES: readonly Lane[] = ['main', 'bulk'];
const CLUSTER_BYTES_MAX = 64;
const FEATURES_MAX = 64;
const PEER_FIELDS = 10;

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
  writer.array(hello.features.length);
  for (const feature of hello.features) writer.count(feature);
  switch (hello.type) {
    case 'peer':
      writer.array(PEER_FIELDS);
      writer.count(KINDS.peer);
      writeCluster(hello.cluster);
      writer.count(hello.from);
      writer.count(hello.to);
      writer.count(hello.lineage.incarnation);
      writer.array(hello.lineage.words.length);
      for (const word of hello.lineage.words) writer.count(word);
      writer.count(hello.generation);
      writer.count(LANES.indexOf(hello.lane));
      writer.truth(hello.isGuarded);
      writer.bytes(hello.nonce);
      break;
    case 'client':
      writer.array(2);
      writer.count(KINDS.client);
      writeCluster(hello.cluster);
      break;
    case 'node':
      writer.array(5);
      writer.count(KINDS.node);
      writeCluster(hello.cluster);
      writer.count(hello.node);
      writer.count(hello.incarnation);
      writeLimits(hello.limits);
      break;
  }
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
  const features = readFeatures(reader);
  const hello = readBody(reader, { versionMin, versionMax, features });
  return reader.isBroken || reader.left > 0 ? undefined : hello;
}

function readBody(reader: Reader, greeting: Greeting): Hello | undefined {
  const length = reader.array(PEER_FIELDS, 1);
  const kind = reader.count();
  const cluster = readCluster(reader);
  if (kind === KINDS.client && length === 2) return { type: 'client', ...greeting, cluster };
  // Clients may not know the cluster yet; nodes do.
  if (cluster === '') return undefined;
  if (kind === KINDS.node && length === 5) {
    const node = reader.count() as NodeId;
    const incarnation = reader.count();
    const limits = readLimits(reader);
    return node < 1 ? undefined : { type: 'node', ...greeting, cluster, node, incarnation, limits };
  }
  if (kind !== KINDS.peer || length !== PEER_FIELDS) return undefined;
  const from = reader.count() as NodeId;
  const to = reader.count() as NodeId;
  const lineage = readLineage(reader);
  const generation = reader.count();
  const lane = LANES[reader.count()];
  const isGuarded = reader.truth();
  const nonce = reader.bytes(NONCE_BYTES);
  if (lane === undefined || from < 1 || to < 1 || from === to) return undefined;
  if (nonce.length !== NONCE_BYTES) return undefined;
  const said = { lineage, generation, lane, isGuarded, nonce };
  return { type: 'peer', ...greeting, cluster, from, to, ...said };
}

function readLineage(reader: Reader): Lineage {
  const incarnation = reader.count();
  const words: number[] = [];
  const count = reader.array(WORDS_MAX, 1);
  for (let at = 0; at < count && !reader.isBroken; at++) words.push(reader.count());
  if (count === 0) reader.break();
  return { incarnation, words };
}

function readFeatures(reader: Reader): readonly number[] {
  const features: number[] = [];
  const count = reader.array(FEATURES_MAX, 1);
  for (let at = 0; at < count; at++) {
    const feature = reader.count();
    if (at > 0 && feature <= (features[at - 1] as number)) reader.break();
    features.push(feature);
  }
  return features;
}

/** Visible ASCII: it appears in the logs of nodes that do not trust each other yet. */
function readCluster(reader: Reader): string {
  const bytes = reader.bytes(CLUSTER_BYTES_MAX);
  for (const byte of bytes) if (byte <= 0x20 || byte >= 0x7f) reader.break();
  return String.fromCharCode(...bytes);
}

function writeCluster(cluster: string): void {
  writer.bytes(Uint8Array.from(cluster, (character) => character.charCodeAt(0)));
}

function writeLimits(limits: ClientLimits): void {
  writer.array(4);
  writer.count(limits.keyBytesMax);
  writer.count(limits.valueBytesMax);
  writer.count(limits.frameBytesMax);
  writer.count(limits.batchBytesMax);
}

function readLimits(reader: Reader): ClientLimits {
  reader.tuple(4);
  const keyBytesMax = reader.count();
  const valueBytesMax = reader.count();
  const frameBytesMax = reader.count();
  const batchBytesMax = reader.count();
  return { keyBytesMax, valueBytesMax, frameBytesMax, batchBytesMax };
}
