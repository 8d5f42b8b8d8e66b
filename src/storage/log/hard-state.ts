/**
 * Two copies, written alternately, of the votes and of the position up to which the log is durable.
 */

import { crc32 } from 'node:zlib';
import type { MemberId, ShardId } from '../../base/ids.ts';
import { count, decode, encode, fields, list, type Schema, struct } from '../../base/schema.ts';

export const HARD_STATE_FILES = ['hard-state-a', 'hard-state-b'] as const;
/** Enough for some hundred replicas; the files grow with more. */
export const HARD_STATE_BYTES = 8192;

const MAGIC = 0x7270_6b6c;
const HEADER_WORDS = 3;
/** Far more than a node can have. */
const REPLICAS_MAX = 1 << 20;

interface StoredVote {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly term: number;
  readonly vote: MemberId;
}

/** A position in the log: all batches up to it are durable. */
export interface BatchPosition {
  readonly epoch: number;
  readonly batch: number;
}

export interface HardStates {
  /** The newer of the two copies has the greater one. */
  readonly sequence: number;
  readonly incarnation: number;
  /** No segment before this one is needed. */
  readonly oldest: number;
  readonly confirmed: BatchPosition;
  /** The end offset of the confirmed batch in its segment; 0 before the first. */
  readonly confirmedEnd: number;
  /** As of the confirmed batch. */
  readonly votes: readonly StoredVote[];
}

export function isAtOrAfter(one: BatchPosition, other: BatchPosition): boolean {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch;
  return one.batch >= other.batch;
}

const VOTE: Schema<StoredVote> = struct({
  shard: count<ShardId>(),
  member: count<MemberId>(),
  term: count(),
  vote: count<MemberId>(),
});

const HARD_STATES: Schema<HardStates> = struct({
  sequence: count(),
  incarnation: count(),
  oldest: count(),
  confirmed: fields({ epoch: count(), batch: count() }),
  confirmedEnd: count(),
  votes: list(VOTE, { max: REPLICAS_MAX }),
});

export function encodeHardStates(hardStates: HardStates): Uint8Array {
  const payload = encode(HARD_STATES, hardStates);
  const bytes = new Uint8Array(HEADER_WORDS * 4 + payload.length);
  bytes.set(payload, HEADER_WORDS * 4);
  const words = new Uint32Array(bytes.buffer, 0, HEADER_WORDS);
  words[0] = MAGIC;
  words[1] = payload.length;
  words[2] = crc32(payload, MAGIC);
  return bytes;
}

export function decodeHardStates(bytes: Uint8Array): HardStates | undefined {
  if (bytes.length < HEADER_WORDS * 4) return undefined;
  const words = new Uint32Array(bytes.slice(0, HEADER_WORDS * 4).buffer);
  const from = HEADER_WORDS * 4;
  const payload = bytes.subarray(from, from + (words[1] as number));
  if (words[0] !== MAGIC || payload.length !== words[1]) return undefined;
  if (crc32(payload, MAGIC) !== words[2]) return undefined;
  return decode(HARD_STATES, payload);
}
