/** Encodings that commands, rows and maps share. */

import { assert } from '../base/assert.ts';
import type { MemberId, NodeId } from '../base/ids.ts';
import { type Lineage, WORDS_MAX } from '../base/life.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import { isWeight } from '../ring/ring.ts';
import type {
  AimedBasis,
  Basis,
  NodeDescription,
  NodeMembership,
  Settings,
} from './cluster-map.ts';

const JOIN_TOKEN_BYTES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function writeText(writer: Writer, text: string, bytesMax: number): void {
  const bytes = encoder.encode(text);
  assert(bytes.length <= bytesMax, 'a text is within its limit');
  writer.bytes(bytes);
}

/** Breaks the reader on what is not UTF-8. */
export function readText(reader: Reader, bytesMax: number): string {
  const bytes = reader.bytes(bytesMax);
  try {
    return decoder.decode(bytes);
  } catch {
    reader.break();
    return '';
  }
}

export function writeJoinToken(writer: Writer, token: Uint8Array): void {
  assert(token.length === JOIN_TOKEN_BYTES, 'a join token has its length');
  writer.bytes(token);
}

/** A copy, so that it does not keep the whole frame alive. */
export function readJoinToken(reader: Reader): Uint8Array {
  const token = reader.bytes(JOIN_TOKEN_BYTES);
  if (token.length !== JOIN_TOKEN_BYTES) reader.break();
  return token.slice();
}

const TOKEN_DIGEST_BYTES = 32;

export function writeTokenDigest(writer: Writer, digest: Uint8Array): void {
  assert(digest.length === TOKEN_DIGEST_BYTES, 'a digest of a token has its length');
  writer.bytes(digest);
}

/** A copy, as of a token. */
export function readTokenDigest(reader: Reader): Uint8Array {
  const digest = reader.bytes(TOKEN_DIGEST_BYTES);
  if (digest.length !== TOKEN_DIGEST_BYTES) reader.break();
  return digest.slice();
}

export function writeLineage(writer: Writer, { incarnation, words }: Lineage): void {
  assert(words.length > 0 && words.length <= WORDS_MAX, 'a lineage is within its limit');
  writer.count(incarnation);
  writeCounts(writer, words);
}

export function readLineage(reader: Reader): Lineage {
  const incarnation = reader.count();
  const words = readList(reader, { lengthMax: WORDS_MAX, bytesMin: 1 }, (one) => one.count());
  if (words.length === 0) reader.break();
  return { incarnation, words };
}

export function writeDescription(writer: Writer, description: NodeDescription): void {
  writeText(writer, description.name, CATALOG_LIMITS.nameBytesMax);
  writeText(writer, description.peerUrl, CATALOG_LIMITS.urlBytesMax);
  writeText(writer, description.clientUrl, CATALOG_LIMITS.urlBytesMax);
  writeBasis(writer, description);
}

export function readDescription(reader: Reader): NodeDescription {
  const name = readText(reader, CATALOG_LIMITS.nameBytesMax);
  const peerUrl = readText(reader, CATALOG_LIMITS.urlBytesMax);
  const clientUrl = readText(reader, CATALOG_LIMITS.urlBytesMax);
  return { name, peerUrl, clientUrl, ...readBasis(reader) };
}

function writeBasis(writer: Writer, { weight, zone }: Basis): void {
  assert(isWeight(weight), 'a weight is a whole number within bounds');
  writer.count(weight);
  writeText(writer, zone, CATALOG_LIMITS.zoneBytesMax);
}

function readBasis(reader: Reader): Basis {
  const weight = reader.count();
  if (!isWeight(weight)) reader.break();
  return { weight, zone: readText(reader, CATALOG_LIMITS.zoneBytesMax) };
}

/** The number of fields that an encoded `AimedBasis` adds to its array. */
export const AIMED_BASIS_FIELDS = 3;

export function writeAimedBasis(writer: Writer, basis: AimedBasis): void {
  writeBasis(writer, basis);
  writer.truth(basis.isDrained);
}

export function readAimedBasis(reader: Reader): AimedBasis {
  return { ...readBasis(reader), isDrained: reader.truth() };
}

/** By index; an index is never given a second meaning. */
export const MEMBERSHIPS: readonly NodeMembership[] = ['active', 'draining', 'removing'];

export function readMembership(reader: Reader): NodeMembership {
  const membership = MEMBERSHIPS[reader.count()];
  if (membership === undefined) reader.break();
  return membership ?? 'active';
}

export function writeSettings(writer: Writer, { shards, replicas }: Settings): void {
  writer.count(shards);
  writer.count(replicas);
}

export function readSettings(reader: Reader): Settings {
  return {
    shards: readBetween(reader, 1, CATALOG_LIMITS.shardsMax),
    replicas: readBetween(reader, 1, CATALOG_LIMITS.replicasMax),
  };
}

/** Node and member numbers start at 1. */
export function readNode(reader: Reader): NodeId {
  return readBetween(reader, 1, Number.MAX_SAFE_INTEGER) as NodeId;
}

export function readMember(reader: Reader): MemberId {
  return readBetween(reader, 1, Number.MAX_SAFE_INTEGER) as MemberId;
}

/** An array of what `readOne` reads, each at least one byte. */
export function readList<T>(
  reader: Reader,
  { lengthMax, bytesMin }: { readonly lengthMax: number; readonly bytesMin: number },
  readOne: (reader: Reader) => T,
): T[] {
  const length = reader.array(lengthMax, bytesMin);
  const list: T[] = [];
  for (let at = 0; at < length && !reader.isBroken; at++) list.push(readOne(reader));
  return list;
}

export function writeCounts(writer: Writer, counts: readonly number[]): void {
  writer.array(counts.length);
  for (const count of counts) writer.count(count);
}

function readBetween(reader: Reader, min: number, max: number): number {
  const count = reader.count();
  if (count < min || count > max) reader.break();
  return count;
}
