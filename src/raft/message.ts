/** The messages between replicas of one shard, and their validation. */

import { unreachable } from '../base/assert.ts';
import { isCount, type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import { ENTRY_OVERHEAD_BYTES, MEMBER_OVERHEAD_BYTES } from '../base/limits.ts';
import { type Configuration, faultOfConfiguration } from './configuration.ts';
import type { Position } from './position.ts';

export type LogEntry = CommandEntry | EmptyEntry | ConfigurationEntry;

/** The client's own bytes: encoded once, decoded only when they are applied. */
interface CommandEntry extends Position {
  readonly kind: 'command';
  readonly payload: Uint8Array;
}

/** A new leader's first entry: once it commits, everything before it has (§8). */
interface EmptyEntry extends Position {
  readonly kind: 'empty';
}

/** In force as soon as it is in the log, committed or not (§6). */
interface ConfigurationEntry extends Position {
  readonly kind: 'configuration';
  readonly configuration: Configuration;
}

interface Envelope {
  readonly shard: ShardId;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
}

/**
 * A campaign. In a pre-vote (thesis §9.6) `term` is the one the sender would campaign in; neither
 * side changes its own.
 */
export interface VoteRequest extends Envelope {
  readonly type: 'vote-request';
  readonly isPreVote: boolean;
  /** The leader asked for this campaign, so its lease does not block it (thesis §3.10). */
  readonly isTransfer: boolean;
  readonly last: Position;
  /** Where the sender's configuration stands in its log. */
  readonly configuration: Position;
  /** The sender's tick, which the answer repeats: it measures the round trip. */
  readonly sentAt: number;
}

export interface VoteResponse extends Envelope {
  readonly type: 'vote-response';
  readonly isPreVote: boolean;
  readonly isGranted: boolean;
  readonly sentAt: number;
}

export interface AppendEntries extends Envelope {
  readonly type: 'append';
  /** The entries follow this position; a log without it answers `missing`. */
  readonly previous: Position;
  readonly entries: readonly LogEntry[];
  readonly commit: number;
  readonly round: number;
  /** Where the leader's configuration stands in its log. */
  readonly configuration: Position;
}

/**
 * - `have`: everything through `index` is durable here and equal to the leader's.
 * - `missing`: the previous position is not in this log; `hint` is the last place that could agree.
 * - `damaged`: the entry at `index` was here and cannot be read. It counts for neither side.
 * - `stateless`: the machine's state is lost here, and the log begins behind `index`: a snapshot of
 *   that index or a later one is needed.
 */
export interface AppendResponse extends Envelope {
  readonly type: 'append-response';
  readonly answer: 'have' | 'missing' | 'damaged' | 'stateless';
  readonly index: number;
  readonly hint: Position;
  readonly round: number;
}

export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  /** Never above what this follower is known to have. */
  readonly commit: number;
  readonly round: number;
  readonly configuration: Position;
  /** The leader quiesces; a follower that has all through `commit` stops its clock too. */
  readonly isLast: boolean;
  /** An entry of the sender's term is committed, so a majority follows it. */
  readonly isEstablished: boolean;
  /** The election timeout that a majority of the group needs, computed by its leader. */
  readonly timeoutMilliseconds: number;
}

export interface HeartbeatResponse extends Envelope {
  readonly type: 'heartbeat-response';
  readonly round: number;
  /** The greatest recent delay of its sender's own disk and event loop. */
  readonly delayMilliseconds: number;
}

export interface SnapshotDescription extends Position {
  readonly configuration: Configuration;
  /** Where that configuration stands in the log. */
  readonly configurationAt: Position;
}

export interface SnapshotChunk extends Envelope {
  readonly type: 'snapshot-chunk';
  readonly snapshot: SnapshotDescription;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly isLast: boolean;
  readonly round: number;
}

/**
 * - `next`: chunks through `offset` are here; send the following ones.
 * - `refused`: the assembled snapshot is unsound; start again.
 */
export interface SnapshotResponse extends Envelope {
  readonly type: 'snapshot-response';
  readonly answer: 'next' | 'refused';
  readonly index: number;
  readonly offset: number;
  readonly round: number;
}

/** Leadership transfer: campaign now, without waiting (thesis §3.10). */
interface CampaignNow extends Envelope {
  readonly type: 'campaign-now';
}

/** A committed configuration has no such member. Ids are never reused, so this is final. */
export interface Removed extends Envelope {
  readonly type: 'removed';
  readonly configuration: Position;
}

/**
 * From a member that would campaign and has damage: the entries from this position through an index
 * are lost here. It has no effect on terms or leaders.
 */
export interface RepairRequest extends Envelope {
  readonly type: 'repair-request';
  readonly entry: Position;
  readonly through: number;
}

/** Consecutive entries, the first of which was asked for. */
export interface RepairResponse extends Envelope {
  readonly type: 'repair-response';
  readonly entries: readonly LogEntry[];
}

export type Message =
  | VoteRequest
  | VoteResponse
  | AppendEntries
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | SnapshotChunk
  | SnapshotResponse
  | CampaignNow
  | Removed
  | RepairRequest
  | RepairResponse;

/** The size of an entry in windows and bounds: empty entries count as well. */
export function sizeOf(entry: LogEntry): number {
  switch (entry.kind) {
    case 'command':
      return ENTRY_OVERHEAD_BYTES + entry.payload.length;
    case 'empty':
      return ENTRY_OVERHEAD_BYTES;
    case 'configuration': {
      const { voters, outgoing, learners } = entry.configuration;
      const members = voters.length + outgoing.length + learners.length;
      return 4 * ENTRY_OVERHEAD_BYTES + members * MEMBER_OVERHEAD_BYTES;
    }
    default:
      return unreachable(entry);
  }
}

export function sizeOfAll(entries: readonly LogEntry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += sizeOf(entry);
  return bytes;
}

/** Why no correct peer can have sent a message; undefined if one can. */
export function faultOf(message: Message): string | undefined {
  if (!isId(message.from) || !isId(message.to)) return 'an impossible member id';
  if (message.from === message.to) return 'a message to itself';
  if (!isCount(message.term) || message.term === 0) return 'an impossible term';
  switch (message.type) {
    case 'vote-request':
      if (!isCount(message.sentAt)) return 'an impossible number';
      return faultOfPositions([message.last, message.configuration], message.term);
    case 'append':
      return faultOfAppend(message);
    case 'append-response':
      if (!isCount(message.index) || !isCount(message.round)) return 'an impossible number';
      return faultOfPositions([message.hint], message.term);
    case 'heartbeat':
      if (!isCount(message.commit) || !isCount(message.round)) return 'an impossible number';
      if (!isCount(message.timeoutMilliseconds)) return 'an impossible number';
      return faultOfPositions([message.configuration], message.term);
    case 'heartbeat-response':
      if (!isCount(message.delayMilliseconds)) return 'an impossible number';
      return isCount(message.round) ? undefined : 'an impossible number';
    case 'snapshot-chunk':
      return faultOfChunk(message);
    case 'snapshot-response':
      if (!isCount(message.index) || !isCount(message.offset)) return 'an impossible number';
      return isCount(message.round) ? undefined : 'an impossible number';
    case 'removed':
      return faultOfPositions([message.configuration]);
    case 'repair-request':
      if (!isCount(message.through) || message.through < message.entry.index) {
        return 'an impossible range';
      }
      if (message.entry.index === 0) return 'an impossible position';
      return faultOfPositions([message.entry], message.term);
    case 'repair-response':
      return faultOfRepair(message);
    case 'vote-response':
      return isCount(message.sentAt) ? undefined : 'an impossible number';
    case 'campaign-now':
      return undefined;
    default:
      return 'an unknown type';
  }
}

function isId(id: MemberId): boolean {
  return isCount(id) && id !== NO_MEMBER;
}

/** No position can have a term beyond that of its message. */
function faultOfPositions(positions: readonly Position[], term?: number): string | undefined {
  for (const position of positions) {
    if (!isCount(position.index) || !isCount(position.term)) return 'an impossible position';
    if ((position.index === 0) !== (position.term === 0)) return 'an impossible position';
    if (term !== undefined && position.term > term) return 'a position from the future';
  }
  return undefined;
}

function faultOfAppend(message: AppendEntries): string | undefined {
  if (!isCount(message.commit) || !isCount(message.round)) return 'an impossible number';
  const fault = faultOfPositions([message.previous, message.configuration], message.term);
  return fault ?? faultOfEntries(message, message.previous);
}

function faultOfRepair(message: RepairResponse): string | undefined {
  const index = message.entries[0]?.index ?? 0;
  if (!isCount(index) || index === 0) return 'a repair of nothing';
  return faultOfEntries(message, { index: index - 1, term: 0 });
}

/** Entries that follow a position, and have no later term than the message. */
function faultOfEntries(
  message: { readonly term: number; readonly entries: readonly LogEntry[] },
  after: Position,
): string | undefined {
  let previous = after;
  for (const entry of message.entries) {
    if (!isCount(entry.index) || entry.index !== previous.index + 1) return 'a gap in the entries';
    if (!isCount(entry.term) || entry.term < previous.term) return 'a term that went back';
    if (entry.term === 0 || entry.term > message.term) return 'an entry from the future';
    if (entry.kind === 'configuration') {
      const unsound = faultOfConfiguration(entry.configuration);
      if (unsound !== undefined) return unsound;
    }
    previous = entry;
  }
  return undefined;
}

function faultOfChunk(message: SnapshotChunk): string | undefined {
  if (!isCount(message.offset) || !isCount(message.round)) return 'an impossible number';
  const { snapshot } = message;
  if (snapshot.index === 0) return 'an empty snapshot';
  const fault = faultOfPositions([snapshot, snapshot.configurationAt], message.term);
  if (fault !== undefined) return fault;
  if (snapshot.configurationAt.index > snapshot.index) return 'a configuration from the future';
  return faultOfConfiguration(snapshot.configuration);
}
