/** What the store writes about itself and about each shard, and how damage to that is seen. */

import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../../base/limits.ts';
import { Reader, Writer } from '../../base/message-pack.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { readSnapshot, writeSnapshot } from '../../wire/raft-entry.ts';
import { compare } from '../files/byte-order.ts';
import type { SectionHash, StateHash } from './state-hash.ts';

/** Of the rows and records together. A store of another format is refused. */
const FORMAT = 1;
const SEED = 0x6d_65_74_61;
const CHECKSUM_BYTES = 4;

/** One for the whole store, rewritten with every batch. */
interface StoreRecord {
  /** Whose store this is; another's is refused. */
  readonly identity: Uint8Array;
  /** Batches so far, this one included. */
  readonly batches: number;
  /** The shards that have a record, in rising order. */
  readonly shards: readonly ShardId[];
}

/** One for each shard: where its rows are and what they are the state of. */
export interface ShardMeta {
  readonly generation: number;
  /** Generations that may have rows on the disk and are nobody's state. */
  readonly leftovers: readonly number[];
  /** Undefined for a shard that left; only its leftovers are still here. */
  readonly state: RecordedState | undefined;
}

export interface RecordedState {
  readonly description: SnapshotDescription;
  /** Undefined once damage was found: nobody knows what the rows should add up to. */
  readonly hash: StateHash | undefined;
  /** Without a hash: it is not that some rows are damaged, the state as a whole is another's. */
  readonly isCondemned?: boolean;
}

export function encodeStoreRecord(key: Uint8Array, record: StoreRecord): Uint8Array {
  const writer = new Writer();
  writer.count(FORMAT);
  writer.bytes(record.identity);
  writer.count(record.batches);
  writer.array(record.shards.length);
  for (const shard of record.shards) writer.count(shard);
  return sealed(key, writer.take());
}

type StoreRecordAnswer = StoreRecord | 'damaged' | 'of another format';

export function decodeStoreRecord(key: Uint8Array, bytes: Uint8Array): StoreRecordAnswer {
  const reader = opened(key, bytes);
  if (reader === undefined) return 'damaged';
  if (reader.count() !== FORMAT) return 'of another format';
  const identity = reader.bytes(STATE_LIMITS.identityBytesMax);
  const batches = reader.count();
  const shards = readList(reader, () => reader.count() as ShardId);
  return isRead(reader) ? { identity, batches, shards } : 'damaged';
}

export function encodeShardRecord(key: Uint8Array, record: ShardMeta): Uint8Array {
  const writer = new Writer();
  writer.count(record.generation);
  writer.array(record.leftovers.length);
  for (const generation of record.leftovers) writer.count(generation);
  writer.truth(record.state !== undefined);
  if (record.state !== undefined) {
    writeSnapshot(writer, record.state.description);
    writer.truth(record.state.hash !== undefined);
    writeHash(writer, record.state.hash ?? []);
    if (record.state.hash === undefined) writer.truth(record.state.isCondemned === true);
  }
  return sealed(key, writer.take());
}

export function decodeShardRecord(key: Uint8Array, bytes: Uint8Array): ShardMeta | undefined {
  const reader = opened(key, bytes);
  if (reader === undefined) return undefined;
  const generation = reader.count();
  const leftovers = readList(reader, () => reader.count());
  const state = reader.truth() ? readState(reader) : undefined;
  return isRead(reader) ? { generation, leftovers, state } : undefined;
}

function readState(reader: Reader): RecordedState {
  const description = readSnapshot(reader);
  const isKnown = reader.truth();
  const hash = readHash(reader);
  if (isKnown) return { description, hash };
  return { description, hash: undefined, isCondemned: reader.truth() };
}

export function writeHash(writer: Writer, hash: StateHash): void {
  writer.array(hash.length);
  for (const { section, rows, one, two } of hash) {
    writer.array(4);
    for (const number of [section, rows, one, two]) writer.count(number);
  }
}

export function readHash(reader: Reader): StateHash {
  return readList(reader, (): SectionHash => {
    reader.tuple(4);
    const section = reader.count();
    if (section >= STATE_LIMITS.sections) reader.break();
    return { section, rows: reader.count(), one: reader.count(), two: reader.count() };
  });
}

function readList<T>(reader: Reader, read: () => T): T[] {
  const length = reader.array(STATE_LIMITS.shardsMax, 1);
  const items: T[] = [];
  for (let at = 0; at < length && !reader.isBroken; at++) items.push(read());
  return items;
}

function isRead(reader: Reader): boolean {
  return !reader.isBroken && reader.left === 0;
}

/** With a checksum in front that knows the key too. */
function sealed(key: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_BYTES + body.length);
  bytes.set(checksumOf(key, body));
  bytes.set(body, CHECKSUM_BYTES);
  return bytes;
}

function opened(key: Uint8Array, bytes: Uint8Array): Reader | undefined {
  if (bytes.length < CHECKSUM_BYTES) return undefined;
  const body = bytes.subarray(CHECKSUM_BYTES);
  const expected = checksumOf(key, body);
  if (compare(bytes.subarray(0, CHECKSUM_BYTES), 0, expected, 0) !== 0) return undefined;
  return new Reader(body);
}

function checksumOf(key: Uint8Array, body: Uint8Array): Uint8Array {
  const word = hash(body, hash(key, SEED));
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}
