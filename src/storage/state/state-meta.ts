/** The records of the store and of each shard, with checksums. */

import { hash } from '../../base/hash.ts';
import type { ShardId } from '../../base/ids.ts';
import { Reader } from '../../base/message-pack.ts';
import {
  bytes,
  count,
  decode,
  encode,
  fields,
  list,
  optional,
  type Schema,
  struct,
  truth,
} from '../../base/schema.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { SNAPSHOT } from '../../wire/raft-entry.ts';
import { compare } from '../files/byte-order.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { SectionHash, StateHash } from './state-hash.ts';

/** The format of rows and records. A store of another format is refused. */
const FORMAT = 3;
/**
 * The format of a store with sealed rows. Before, it was that of any store: a build that reads no
 * rows of the present seal would take them for damaged ones.
 */
const SEALED_FORMAT = 4;
const SEED = 0x6d_65_74_61;
const CHECKSUM_BYTES = 4;

/** One for the whole store, rewritten with every batch. */
interface StoreRecord {
  /** The owner of the store; a store of another node is refused. */
  readonly identity: Uint8Array;
  /** The number of batches, including this one. */
  readonly batches: number;
  /** The shards that have a record, in rising order. */
  readonly shards: readonly ShardId[];
}

/** One for each shard: the location of its rows and the state that they represent. */
export interface ShardMeta {
  readonly generation: number;
  /** Unused generations that may have rows on disk. */
  readonly leftovers: readonly number[];
  /** Undefined for a removed shard; only rows of unused generations are left. */
  readonly state: RecordedState | undefined;
}

export interface RecordedState {
  readonly description: SnapshotDescription;
  /** Undefined once damage was found: the expected sums of the rows are unknown then. */
  readonly hash: StateHash | undefined;
  /**
   * The hash is unknown because the state as a whole is wrong, not because single rows are damaged.
   */
  readonly isCondemned: boolean;
}

const SECTION_HASH: Schema<SectionHash> = struct({
  section: count({ max: STATE_LIMITS.sections - 1 }),
  rows: count(),
  one: count(),
  two: count(),
});
export const STATE_HASH: Schema<StateHash> = list(SECTION_HASH, { max: STATE_LIMITS.sections });

const STORE_RECORD = fields({
  format: count(),
  identity: bytes(STATE_LIMITS.identityBytesMax),
  batches: count(),
  shards: list(count<ShardId>(), { max: STATE_LIMITS.shardsMax }),
});

const SHARD_RECORD: Schema<ShardMeta> = fields({
  generation: count(),
  leftovers: list(count(), { max: STATE_LIMITS.shardsMax }),
  state: optional(
    fields({
      description: SNAPSHOT,
      hash: optional(STATE_HASH),
      isCondemned: truth,
    }),
  ),
});

interface StoreShape {
  readonly isSealed: boolean;
}

export function encodeStoreRecord(
  key: Uint8Array,
  record: StoreRecord,
  { isSealed }: StoreShape,
): Uint8Array {
  const format = isSealed ? SEALED_FORMAT : FORMAT;
  return sealed(key, encode(STORE_RECORD, { format, ...record }));
}

type StoreRecordAnswer = StoreRecord | 'damaged' | 'of another format';

export function decodeStoreRecord(
  key: Uint8Array,
  stored: Uint8Array,
  { isSealed }: StoreShape,
): StoreRecordAnswer {
  const body = opened(key, stored);
  if (body === undefined) return 'damaged';
  const format = new Reader(body).count();
  const isKnown = format === FORMAT || (isSealed && format === SEALED_FORMAT);
  if (!isKnown) return 'of another format';
  return decode(STORE_RECORD, body) ?? 'damaged';
}

export function encodeShardRecord(key: Uint8Array, record: ShardMeta): Uint8Array {
  return sealed(key, encode(SHARD_RECORD, record));
}

export function decodeShardRecord(key: Uint8Array, stored: Uint8Array): ShardMeta | undefined {
  const body = opened(key, stored);
  return body === undefined ? undefined : decode(SHARD_RECORD, body);
}

/** Adds a checksum over key and body. */
function sealed(key: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_BYTES + body.length);
  bytes.set(checksumOf(key, body));
  bytes.set(body, CHECKSUM_BYTES);
  return bytes;
}

function opened(key: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < CHECKSUM_BYTES) return undefined;
  const body = bytes.subarray(CHECKSUM_BYTES);
  const expected = checksumOf(key, body);
  if (compare(bytes.subarray(0, CHECKSUM_BYTES), 0, expected, 0) !== 0) return undefined;
  return body;
}

function checksumOf(key: Uint8Array, body: Uint8Array): Uint8Array {
  const word = hash(body, hash(key, SEED));
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}
