/** The one encoding of each message between replicas of a shard. */

import { assert, unreachable } from '../base/assert.ts';
import type { MemberId, ShardId } from '../base/ids.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import type {
  AppendEntries,
  AppendResponse,
  CampaignNow,
  Heartbeat,
  HeartbeatResponse,
  Message,
  Removed,
  RepairRequest,
  RepairResponse,
  SnapshotChunk,
  SnapshotResponse,
  VoteRequest,
  VoteResponse,
} from '../raft/message.ts';
import {
  bytesMaxOfEntries,
  CONFIGURATION_BYTES_MAX,
  readEntries,
  readPosition,
  snapshotDescription,
  writeEntries,
  writePosition,
} from './raft-entry.ts';

/** The first element of a message. A number is never given a second meaning. */
export const TYPE = {
  heartbeats: 1,
  heartbeatResponses: 2,
  voteRequest: 3,
  voteResponse: 4,
  append: 5,
  appendResponse: 6,
  snapshotChunk: 7,
  snapshotResponse: 8,
  campaignNow: 9,
  removed: 10,
  repairRequest: 11,
  repairResponse: 12,
} as const;

type BeatMessage = Heartbeat | HeartbeatResponse;
type SingleMessage = Exclude<Message, BeatMessage>;

/** The answers in the order of their numbers on the wire. */
const APPEND_ANSWERS = ['have', 'missing', 'damaged', 'stateless'] as const;
const SNAPSHOT_ANSWERS = ['next', 'refused'] as const;

/** Elements of each message, its type included. */
const LENGTH = {
  heartbeat: 11,
  heartbeatResponse: 6,
  voteRequest: 12,
  voteResponse: 8,
  append: 12,
  appendResponse: 10,
  snapshotChunk: 10,
  snapshotResponse: 9,
  campaignNow: 5,
  removed: 7,
  repairRequest: 8,
  repairResponse: 7,
} as const;

/** At least the size of any message beside entries, snapshot data and configurations. */
const MESSAGE_BYTES_MAX = 16 * 9;

/** The least size of a heartbeat: a header and one byte for each of its elements. */
export const BEAT_BYTES_MIN = 1 + LENGTH.heartbeatResponse;

interface Envelope {
  readonly shard: ShardId;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
}

function writeEnvelope(writer: Writer, message: Envelope): void {
  writer.count(message.shard);
  writer.count(message.from);
  writer.count(message.to);
  writer.count(message.term);
}

export function writeHeartbeat(writer: Writer, message: Heartbeat): void {
  writer.array(LENGTH.heartbeat);
  writeEnvelope(writer, message);
  writer.count(message.commit);
  writer.count(message.round);
  writePosition(writer, message.configuration);
  writer.truth(message.isLast);
  writer.truth(message.isEstablished);
  writer.count(message.timeoutMilliseconds);
}

export function readHeartbeat(reader: Reader): Heartbeat {
  reader.tuple(LENGTH.heartbeat);
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const commit = reader.count();
  const round = reader.count();
  const configuration = readPosition(reader);
  const isLast = reader.truth();
  const isEstablished = reader.truth();
  const timeoutMilliseconds = reader.count();
  const body = { commit, round, configuration, isLast, isEstablished, timeoutMilliseconds };
  return { type: 'heartbeat', shard, from, to, term, ...body };
}

export function writeHeartbeatResponse(writer: Writer, message: HeartbeatResponse): void {
  writer.array(LENGTH.heartbeatResponse);
  writeEnvelope(writer, message);
  writer.count(message.round);
  writer.count(message.delayMilliseconds);
}

export function readHeartbeatResponse(reader: Reader): HeartbeatResponse {
  reader.tuple(LENGTH.heartbeatResponse);
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const round = reader.count();
  const delayMilliseconds = reader.count();
  return { type: 'heartbeat-response', shard, from, to, term, round, delayMilliseconds };
}

/** At least the encoded size of this message. */
export function bytesMaxOf(message: Message): number {
  if (message.type === 'append' || message.type === 'repair-response') {
    return MESSAGE_BYTES_MAX + bytesMaxOfEntries(message.entries);
  }
  if (message.type !== 'snapshot-chunk') return MESSAGE_BYTES_MAX;
  return MESSAGE_BYTES_MAX + CONFIGURATION_BYTES_MAX + message.data.length;
}

/** Any message but heartbeats, which are encoded in groups. */
export function writeSingle(writer: Writer, message: SingleMessage): void {
  switch (message.type) {
    case 'vote-request':
      writeVoteRequest(writer, message);
      break;
    case 'vote-response':
      writeVoteResponse(writer, message);
      break;
    case 'append':
      writeAppend(writer, message);
      break;
    case 'append-response':
      writeAppendResponse(writer, message);
      break;
    case 'snapshot-chunk':
      writeSnapshotChunk(writer, message);
      break;
    case 'snapshot-response':
      writeSnapshotResponse(writer, message);
      break;
    case 'campaign-now':
      writeHead(writer, LENGTH.campaignNow, TYPE.campaignNow, message);
      break;
    case 'removed':
      writeRemoved(writer, message);
      break;
    case 'repair-request':
      writeRepairRequest(writer, message);
      break;
    case 'repair-response':
      writeRepairResponse(writer, message);
      break;
    default:
      unreachable(message);
  }
}

/** A message whose header and type were read; undefined for an unknown type or a wrong length. */
export function readSingle(
  reader: Reader,
  opening: { readonly type: number; readonly length: number },
): SingleMessage | undefined {
  const { type, length } = opening;
  switch (type) {
    case TYPE.voteRequest:
      return length === LENGTH.voteRequest ? readVoteRequest(reader) : undefined;
    case TYPE.voteResponse:
      return length === LENGTH.voteResponse ? readVoteResponse(reader) : undefined;
    case TYPE.append:
      return length === LENGTH.append ? readAppend(reader) : undefined;
    case TYPE.appendResponse:
      return length === LENGTH.appendResponse ? readAppendResponse(reader) : undefined;
    case TYPE.snapshotChunk:
      return length === LENGTH.snapshotChunk ? readSnapshotChunk(reader) : undefined;
    case TYPE.snapshotResponse:
      return length === LENGTH.snapshotResponse ? readSnapshotResponse(reader) : undefined;
    case TYPE.campaignNow:
      return length === LENGTH.campaignNow ? readCampaignNow(reader) : undefined;
    case TYPE.removed:
      return length === LENGTH.removed ? readRemoved(reader) : undefined;
    case TYPE.repairRequest:
      return length === LENGTH.repairRequest ? readRepairRequest(reader) : undefined;
    case TYPE.repairResponse:
      return length === LENGTH.repairResponse ? readRepairResponse(reader) : undefined;
    default:
      return undefined;
  }
}

function writeHead(writer: Writer, length: number, type: number, message: Envelope): void {
  writer.array(length);
  writer.count(type);
  writeEnvelope(writer, message);
}

function writeVoteRequest(writer: Writer, message: VoteRequest): void {
  writeHead(writer, LENGTH.voteRequest, TYPE.voteRequest, message);
  writer.truth(message.isPreVote);
  writer.truth(message.isTransfer);
  writePosition(writer, message.last);
  writePosition(writer, message.configuration);
  writer.count(message.sentAt);
}

function readVoteRequest(reader: Reader): VoteRequest {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const isPreVote = reader.truth();
  const isTransfer = reader.truth();
  const last = readPosition(reader);
  const configuration = readPosition(reader);
  const sentAt = reader.count();
  const type = 'vote-request';
  return { type, shard, from, to, term, isPreVote, isTransfer, last, configuration, sentAt };
}

function writeVoteResponse(writer: Writer, message: VoteResponse): void {
  writeHead(writer, LENGTH.voteResponse, TYPE.voteResponse, message);
  writer.truth(message.isPreVote);
  writer.truth(message.isGranted);
  writer.count(message.sentAt);
}

function readVoteResponse(reader: Reader): VoteResponse {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const isPreVote = reader.truth();
  const isGranted = reader.truth();
  const sentAt = reader.count();
  return { type: 'vote-response', shard, from, to, term, isPreVote, isGranted, sentAt };
}

function writeAppend(writer: Writer, message: AppendEntries): void {
  writeHead(writer, LENGTH.append, TYPE.append, message);
  writePosition(writer, message.previous);
  writer.count(message.commit);
  writer.count(message.round);
  writePosition(writer, message.configuration);
  writeEntries(writer, message.previous.index, message.entries);
}

function readAppend(reader: Reader): AppendEntries {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const previous = readPosition(reader);
  const commit = reader.count();
  const round = reader.count();
  const configuration = readPosition(reader);
  const entries = readEntries(reader, previous.index);
  const type = 'append';
  return { type, shard, from, to, term, previous, entries, commit, round, configuration };
}

function writeAppendResponse(writer: Writer, message: AppendResponse): void {
  writeHead(writer, LENGTH.appendResponse, TYPE.appendResponse, message);
  writer.count(numberOf(APPEND_ANSWERS, message.answer));
  writer.count(message.index);
  writePosition(writer, message.hint);
  writer.count(message.round);
}

function readAppendResponse(reader: Reader): AppendResponse {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const answer = readAnswer(reader, APPEND_ANSWERS);
  const index = reader.count();
  const hint = readPosition(reader);
  const round = reader.count();
  return { type: 'append-response', shard, from, to, term, answer, index, hint, round };
}

function writeSnapshotChunk(writer: Writer, message: SnapshotChunk): void {
  assert(message.data.length <= RAFT_LIMITS.chunkBytesMax, 'a chunk is within its limit');
  writeHead(writer, LENGTH.snapshotChunk, TYPE.snapshotChunk, message);
  snapshotDescription.write(writer, message.snapshot);
  writer.count(message.offset);
  writer.bytes(message.data);
  writer.truth(message.isLast);
  writer.count(message.round);
}

function readSnapshotChunk(reader: Reader): SnapshotChunk {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const snapshot = snapshotDescription.read(reader);
  const offset = reader.count();
  const data = reader.bytes(RAFT_LIMITS.chunkBytesMax);
  const isLast = reader.truth();
  const round = reader.count();
  const type = 'snapshot-chunk';
  return { type, shard, from, to, term, snapshot, offset, data, isLast, round };
}

function writeSnapshotResponse(writer: Writer, message: SnapshotResponse): void {
  writeHead(writer, LENGTH.snapshotResponse, TYPE.snapshotResponse, message);
  writer.count(numberOf(SNAPSHOT_ANSWERS, message.answer));
  writer.count(message.index);
  writer.count(message.offset);
  writer.count(message.round);
}

function readSnapshotResponse(reader: Reader): SnapshotResponse {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const answer = readAnswer(reader, SNAPSHOT_ANSWERS);
  const index = reader.count();
  const offset = reader.count();
  const round = reader.count();
  return { type: 'snapshot-response', shard, from, to, term, answer, index, offset, round };
}

function readCampaignNow(reader: Reader): CampaignNow {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  return { type: 'campaign-now', shard, from, to, term };
}

function writeRemoved(writer: Writer, message: Removed): void {
  writeHead(writer, LENGTH.removed, TYPE.removed, message);
  writePosition(writer, message.configuration);
}

function readRemoved(reader: Reader): Removed {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const configuration = readPosition(reader);
  return { type: 'removed', shard, from, to, term, configuration };
}

function writeRepairRequest(writer: Writer, message: RepairRequest): void {
  writeHead(writer, LENGTH.repairRequest, TYPE.repairRequest, message);
  writePosition(writer, message.entry);
  writer.count(message.through);
}

function readRepairRequest(reader: Reader): RepairRequest {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const entry = readPosition(reader);
  const through = reader.count();
  return { type: 'repair-request', shard, from, to, term, entry, through };
}

function writeRepairResponse(writer: Writer, message: RepairResponse): void {
  writeHead(writer, LENGTH.repairResponse, TYPE.repairResponse, message);
  const previous = (message.entries[0]?.index ?? 1) - 1;
  writer.count(previous);
  writeEntries(writer, previous, message.entries);
}

function readRepairResponse(reader: Reader): RepairResponse {
  const shard = reader.count() as ShardId;
  const from = reader.count() as MemberId;
  const to = reader.count() as MemberId;
  const term = reader.count();
  const previous = reader.count();
  const entries = readEntries(reader, previous);
  // One message has one encoding: a place without entries is omitted.
  if (entries.length === 0 && previous !== 0) reader.break();
  return { type: 'repair-response', shard, from, to, term, entries };
}

function numberOf<T>(answers: readonly T[], answer: T): number {
  const number = answers.indexOf(answer);
  assert(number >= 0, 'an answer has a known code');
  return number;
}

function readAnswer<T>(reader: Reader, answers: readonly [T, ...T[]]): T {
  const answer = answers[reader.count()];
  if (answer !== undefined) return answer;
  reader.break();
  return answers[0];
}
