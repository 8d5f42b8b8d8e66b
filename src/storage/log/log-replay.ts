/** Rebuilds replicas from the batches on disk; damage is reported and isolated. */

import { type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../../base/ids.ts';
import type { Life } from '../../base/life.ts';
import { NO_BYTES } from '../../base/message-pack.ts';
import { decode } from '../../base/schema.ts';
import { SNAPSHOT } from '../../wire/raft-entry.ts';
import { type BatchPosition, type HardStates, isAtOrAfter } from './hard-state.ts';
import { LiveBytes } from './live-bytes.ts';
import type { Location } from './location-table.ts';
import type { Damage, Tombstone } from './log.ts';
import { MEMBER, REPLICA_META } from './log-meta.ts';
import {
  HEADER_BYTES,
  isEntry,
  isRepair,
  KIND,
  plainKind,
  type RecordBuffer,
  type RecordHeader,
  type RecordName,
} from './log-record.ts';
import { LogReplica } from './log-replica.ts';
import type { FoundBatch, LostRecord } from './log-scan.ts';
import { type SegmentHeader, segmentName } from './log-segment.ts';

export interface OpenSegment {
  readonly header: SegmentHeader;
  readonly buffer: RecordBuffer;
}

/** One record of a batch: found, or only named by the directory. */
type Step = RecordHeader | LostRecord;

export class LogReplay {
  readonly live = new LiveBytes();
  readonly replicas = new Map<ShardId, LogReplica>();
  readonly damage: Damage[] = [];
  tombstones: Tombstone[] = [];
  readonly lives = new Map<NodeId, Life>();
  /** Hard states that were unreadable, until a later record replaces them. */
  readonly #lostVotes = new Map<ShardId, BatchPosition>();
  #segment: OpenSegment | undefined;
  #batch: FoundBatch | undefined;
  #listed = new Set<ShardId>();
  /** A tombstone whose member was unreadable, until the next record supplies it. */
  #unreadTombstone: Omit<Tombstone, 'member'> | undefined;

  apply(segment: OpenSegment, batch: FoundBatch): void {
    this.#segment = segment;
    this.#batch = batch;
    this.#listed = new Set();
    const isCheckpoint = batch.number === 1;
    if (isCheckpoint) this.tombstones = [];
    if (isCheckpoint) this.lives.clear();
    if (batch.isEndLost) this.#report(batch.end, undefined, 'the end record of a batch is damaged');
    for (const step of stepsOf(batch)) this.#take(step, isCheckpoint);
    if (!isCheckpoint) return;
    for (const [shard, replica] of this.replicas) {
      if (this.#listed.has(shard)) continue;
      replica.drop();
      this.replicas.delete(shard);
    }
  }

  reportHeader({ header }: OpenSegment): void {
    const file = segmentName(header.epoch);
    const text = 'one of two copies of the header is damaged';
    this.damage.push({ file, offset: 0, shard: undefined, index: undefined, text });
  }

  /** Called after the last batch: what is still missing is lost. */
  finish(hardStates: HardStates): void {
    for (const replica of this.replicas.values()) {
      if (replica.quarantine === '' && replica.hasLostConfiguration) {
        replica.isolate('a configuration in its log is lost');
      }
      this.#settleVote(replica, hardStates);
    }
  }

  #settleVote(replica: LogReplica, { votes, confirmed }: HardStates): void {
    const promised = votes.find(
      ({ shard, member }) => shard === replica.shard && member === replica.member,
    );
    const lost = this.#lostVotes.get(replica.shard);
    const { hardState } = replica;
    const isProven = lost === undefined || isAtOrAfter(confirmed, lost);
    const isOlder =
      promised !== undefined &&
      (promised.term > hardState.term ||
        (promised.term === hardState.term &&
          promised.vote !== NO_MEMBER &&
          hardState.vote === NO_MEMBER));
    if (promised !== undefined && isOlder) {
      const { term, vote } = promised;
      replica.hardState = { ...hardState, term, vote };
      // Without known damage the log lost a vote silently, so other records may be lost too.
      if (lost === undefined) replica.mayVote = false;
    }
    if (!isProven) replica.mayVote = false;
    // A committed entry was in this log once, so the log lost its end silently.
    if (replica.hardState.commit > replica.lastIndex) replica.mayVote = false;
    const term = Math.max(replica.hardState.term, replica.lastTerm);
    if (term > replica.hardState.term) {
      replica.hardState = { ...replica.hardState, term, vote: NO_MEMBER };
      replica.mayVote = false;
    }
  }

  #take(step: Step, isCheckpoint: boolean): void {
    const { shard, index, kind } = step;
    const payload = this.#payloadOf(step);
    if (payload === undefined) {
      const what = isEntry(kind) ? 'an entry is damaged' : 'a record is damaged';
      this.#report(step.offset, step, what);
    }
    if (kind === KIND.life) return this.#takeLife(step);
    if (kind === KIND.shard) return this.#adopt(shard, payload, isCheckpoint);
    if (kind === KIND.tombstone) return this.#addTombstone(step, payload);
    if (kind === KIND.tombstoneMember) return this.#addFromSecondCopy(step);
    const replica = this.replicas.get(shard);
    if (replica === undefined) return this.#isolate(shard, 'the record of its creation is lost');
    if (kind === KIND.remove) return this.#remove(replica, step, payload);
    if (replica.quarantine !== '') return;
    if (isEntry(kind)) return this.#enter(replica, step, payload);
    switch (kind) {
      case KIND.hardState:
        return this.#takeHardState(replica, step, payload);
      case KIND.forget:
        if (replica.termAt(index) !== undefined) return replica.forget(index);
        return index < replica.base.index ? undefined : this.#isolate(shard, 'its log has a gap');
      case KIND.restart: {
        const snapshot = payload === undefined ? undefined : decode(SNAPSHOT, payload);
        if (snapshot !== undefined) return replica.restart(snapshot);
        return this.#isolate(shard, 'a snapshot that replaced its log is lost');
      }
      default:
        return this.#isolate(shard, `a record of unknown kind ${kind}`);
    }
  }

  #adopt(shard: ShardId, payload: Uint8Array | undefined, isCheckpoint: boolean): void {
    this.#listed.add(shard);
    const meta = payload === undefined ? undefined : decode(REPLICA_META, payload);
    if (meta === undefined) {
      // A checkpoint within an incarnation adds no information.
      const isKnown = isCheckpoint && this.#segment?.header.isBoot === false;
      if (isKnown && this.replicas.has(shard)) return;
      return this.#isolate(shard, 'its metadata is lost');
    }
    this.#replicaOf(shard).adopt(meta);
    this.#lostVotes.delete(shard);
  }

  #addTombstone({ shard, index, term }: RecordName, payload: Uint8Array | undefined): void {
    const member = payload === undefined ? undefined : decode(MEMBER, payload);
    const configuration = { index, term };
    if (member === undefined) this.#unreadTombstone = { shard, configuration };
    else this.tombstones.push({ shard, member, configuration });
  }

  /** Uses the second copy of the member if the first one is unreadable. */
  #addFromSecondCopy({ shard, index: member, term }: RecordName): void {
    const unread = this.#unreadTombstone;
    this.#unreadTombstone = undefined;
    if (unread?.shard !== shard || unread.configuration.index !== term) return;
    this.tombstones.push({ ...unread, member: member as MemberId });
  }

  /** A record that only the directory names suffices: all of it is in the name. */
  #takeLife({ shard, index: incarnation, term: word }: RecordName): void {
    const node = shard as number as NodeId;
    if (incarnation === 0) this.lives.delete(node);
    else this.lives.set(node, { incarnation, word });
  }

  #remove(replica: LogReplica, name: RecordName, payload: Uint8Array | undefined): void {
    // What is removed is the replica that is there.
    if (replica.member === NO_MEMBER) this.#addTombstone(name, payload);
    else {
      const { index, term } = name;
      const { shard, member } = replica;
      this.tombstones.push({ shard, member, configuration: { index, term } });
    }
    replica.drop();
    this.replicas.delete(replica.shard);
    this.#lostVotes.delete(replica.shard);
  }

  #takeHardState(
    replica: LogReplica,
    { index, term }: RecordName,
    payload: Uint8Array | undefined,
  ) {
    const vote = payload === undefined ? undefined : decode(MEMBER, payload);
    replica.hardState = { term, vote: vote ?? NO_MEMBER, commit: index };
    if (vote !== undefined) this.#lostVotes.delete(replica.shard);
    else this.#lostVotes.set(replica.shard, this.#position);
  }

  /** Only the length of a command matters here, so no view of it is created. */
  #payloadOf(step: Step): Uint8Array | undefined {
    const segment = this.#segment;
    if (segment === undefined || !('length' in step)) return undefined;
    if (this.#batch?.damaged.has(step.ordinal)) return undefined;
    if (plainKind(step.kind) === KIND.command) return NO_BYTES;
    const from = step.offset + HEADER_BYTES;
    return segment.buffer.bytes.subarray(from, from + step.length);
  }

  #enter(replica: LogReplica, step: Step, payload: Uint8Array | undefined): void {
    const { shard, index, term, kind, offset } = step;
    const epoch = this.#segment?.header.epoch ?? 0;
    const length = 'length' in step ? step.length : 0;
    const location: Location | undefined =
      payload === undefined ? undefined : { epoch, offset, length };
    if (isRepair(kind)) {
      if (location === undefined || !replica.repair({ index, term }, location)) return;
    } else {
      const before = replica.termAt(index - 1);
      if (before === undefined || term < before) return this.#isolate(shard, 'its log has a gap');
      replica.append({ index, term }, location);
    }
    if (plainKind(kind) !== KIND.configuration) return;
    const decoded = payload === undefined ? undefined : decode(SNAPSHOT, payload);
    if (decoded === undefined) replica.lostConfigurations.add(index);
    else replica.place({ at: { index, term }, configuration: decoded.configuration });
  }

  #isolate(shard: ShardId, text: string): void {
    if (!this.replicas.has(shard)) this.#listed.add(shard);
    this.#replicaOf(shard).isolate(text);
  }

  #replicaOf(shard: ShardId): LogReplica {
    let replica = this.replicas.get(shard);
    if (replica === undefined) {
      replica = new LogReplica(shard, { member: NO_MEMBER, account: this.live });
      this.replicas.set(shard, replica);
    }
    return replica;
  }

  get #position(): BatchPosition {
    return { epoch: this.#segment?.header.epoch ?? 0, batch: this.#batch?.number ?? 0 };
  }

  #report(offset: number, name: RecordName | undefined, text: string): void {
    const file = segmentName(this.#segment?.header.epoch ?? 0);
    this.damage.push({ file, offset, shard: name?.shard, index: name?.index, text });
  }
}

/** Found and lost records of a batch in the order of writing. */
function stepsOf({ records, lost }: FoundBatch): readonly Step[] {
  if (lost.length === 0) return records;
  return [...records, ...lost].sort((one, other) => one.ordinal - other.ordinal);
}
