/** The one encoding of each message between replicas of a shard. */

import type { MemberId, ShardId } from '../base/ids.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import {
  bytes,
  count,
  oneOf,
  type Schema,
  truth,
  type UnionSchema,
  union,
  variant,
} from '../base/schema.ts';
import type {
  AppendEntries,
  AppendResponse,
  Heartbeat,
  HeartbeatResponse,
  Message,
  RepairResponse,
} from '../raft/message.ts';
import {
  bytesMaxOfEntries,
  CONFIGURATION_BYTES_MAX,
  POSITION,
  readEntries,
  SNAPSHOT,
  writeEntries,
} from './raft-entry.ts';

/** The types of groups. Those of single messages follow. */
export const TYPE = { heartbeats: 1, heartbeatResponses: 2 } as const;

type SingleMessage = Exclude<Message, Heartbeat | HeartbeatResponse>;

/** Elements of a heartbeat and of its response. */
const LENGTH = { heartbeat: 11, heartbeatResponse: 6 } as const;

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
const ENVELOPE = {
  shard: count<ShardId>(),
  from: count<MemberId>(),
  to: count<MemberId>(),
  term: count(),
};

/** By hand, like its response and heartbeats: nearly all messages are of these types. */
const APPEND: Schema<AppendEntries> = {
  elements: 11,
  bytesMin: 11,
  write: (writer, message) => {
    writeEnvelope(writer, message);
    POSITION.write(writer, message.previous);
    writer.count(message.commit);
    writer.count(message.round);
    POSITION.write(writer, message.configuration);
    writeEntries(writer, message.previous.index, message.entries);
  },
  read: (reader) => {
    const shard = reader.count() as ShardId;
    const from = reader.count() as MemberId;
    const to = reader.count() as MemberId;
    const term = reader.count();
    const previous = POSITION.read(reader);
    const commit = reader.count();
    const round = reader.count();
    const configuration = POSITION.read(reader);
    const entries = readEntries(reader, previous.index);
    const type = 'append';
    return { type, shard, from, to, term, previous, entries, commit, round, configuration };
  },
};

const APPEND_ANSWER = oneOf(['have', 'missing', 'damaged', 'stateless']);

const APPEND_RESPONSE: Schema<AppendResponse> = {
  elements: 9,
  bytesMin: 9,
  write: (writer, message) => {
    writeEnvelope(writer, message);
    APPEND_ANSWER.write(writer, message.answer);
    writer.count(message.index);
    POSITION.write(writer, message.hint);
    writer.count(message.round);
  },
  read: (reader) => {
    const shard = reader.count() as ShardId;
    const from = reader.count() as MemberId;
    const to = reader.count() as MemberId;
    const term = reader.count();
    const answer = APPEND_ANSWER.read(reader);
    const index = reader.count();
    const hint = POSITION.read(reader);
    const round = reader.count();
    return { type: 'append-response', shard, from, to, term, answer, index, hint, round };
  },
};

/** The position before the first entry, and the entries; 0 where there are none. */
const FOUND_ENTRIES: Schema<RepairResponse['entries']> = {
  elements: 2,
  bytesMin: 2,
  write: (writer, entries) => {
    const previous = (entries[0]?.index ?? 1) - 1;
    writer.count(previous);
    writeEntries(writer, previous, entries);
  },
  read: (reader) => {
    const previous = reader.count();
    const entries = readEntries(reader, previous);
    // One message has one encoding: a place without entries is omitted.
    if (entries.length === 0 && previous !== 0) reader.break();
    return entries;
  },
};

/** Any message but heartbeats, which are encoded in groups. */
export const SINGLE: UnionSchema<SingleMessage> = union({
  'vote-request': variant(3, {
    ...ENVELOPE,
    isPreVote: truth,
    isTransfer: truth,
    last: POSITION,
    configuration: POSITION,
    sentAt: count(),
  }),
  'vote-response': variant(4, {
    ...ENVELOPE,
    isPreVote: truth,
    isGranted: truth,
    sentAt: count(),
  }),
  append: variant(5, APPEND),
  'append-response': variant(6, APPEND_RESPONSE),
  'snapshot-chunk': variant(7, {
    ...ENVELOPE,
    snapshot: SNAPSHOT,
    offset: count(),
    data: bytes(RAFT_LIMITS.chunkBytesMax),
    isLast: truth,
    round: count(),
  }),
  'snapshot-response': variant(8, {
    ...ENVELOPE,
    answer: oneOf(['next', 'refused']),
    index: count(),
    offset: count(),
    round: count(),
  }),
  'campaign-now': variant(9, ENVELOPE),
  removed: variant(10, { ...ENVELOPE, configuration: POSITION }),
  'repair-request': variant(11, { ...ENVELOPE, entry: POSITION, through: count() }),
  'repair-response': variant(12, { ...ENVELOPE, entries: FOUND_ENTRIES }),
});

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
  POSITION.write(writer, message.configuration);
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
  const configuration = POSITION.read(reader);
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
