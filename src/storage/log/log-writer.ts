/** Encodes log records into a batch and updates the in-memory replicas in the same step. */

import { assert, unreachable } from '../../base/assert.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Life } from '../../base/life.ts';
import { NO_BYTES } from '../../base/message-pack.ts';
import { encode } from '../../base/schema.ts';
import type { Configuration } from '../../raft/configuration.ts';
import type { LogEntry } from '../../raft/message.ts';
import type { HardState, Write } from '../../raft/ready.ts';
import { SNAPSHOT } from '../../wire/raft-entry.ts';
import { SEAL_BYTES } from '../sealing/record-seal.ts';
import type { EntryCache } from './entry-cache.ts';
import type { LiveBytes } from './live-bytes.ts';
import type { Location } from './location-table.ts';
import type { LogRecord, Tombstone } from './log.ts';
import { type Batch, RUN_BYTES } from './log-batch.ts';
import { MEMBER, REPLICA_META, type ReplicaMeta } from './log-meta.ts';
import { KIND, type RecordName, recordBytes, repairKind } from './log-record.ts';
import { LogReplica } from './log-replica.ts';

/** At least the size of a configuration without its members, in an entry or a snapshot. */
const CONFIGURATION_BYTES = 64;
const MEMBER_BYTES = 9;
/** Two records. */
const TOMBSTONE_BYTES = recordBytes(MEMBER_BYTES) + recordBytes(0) + 2 * RUN_BYTES;
/** Boots are counted from 1. */
const NO_LIFE: Life = { incarnation: 0, word: 0 };

interface LogWriterOptions {
  readonly batch: Batch;
  readonly live: LiveBytes;
  readonly cache: EntryCache;
  readonly replicas: Map<ShardId, LogReplica>;
  readonly tombstones: Tombstone[];
  readonly lives: Map<NodeId, Life>;
}

export class LogWriter {
  readonly #batch: Batch;
  readonly #live: LiveBytes;
  readonly #cache: EntryCache;
  readonly #replicas: Map<ShardId, LogReplica>;
  readonly #tombstones: Tombstone[];
  readonly #lives: Map<NodeId, Life>;
  #epoch = 0;
  /** A term or vote was written that neither hard-state copy has. */
  hasNewHardState = false;

  constructor({ batch, live, cache, replicas, tombstones, lives }: LogWriterOptions) {
    this.#batch = batch;
    this.#live = live;
    this.#cache = cache;
    this.#replicas = replicas;
    this.#tombstones = tombstones;
    this.#lives = lives;
  }

  /** Sets the segment of the following records. */
  begin(epoch: number): void {
    this.#epoch = epoch;
  }

  /** Writes everything that the log knows except entries: the beginning of a segment. */
  checkpoint(): void {
    const shards = [...this.#replicas.keys()].sort((one, other) => one - other);
    for (const shard of shards) {
      const replica = this.#replicas.get(shard);
      if (replica !== undefined) this.#writeReplica(shard, replica.meta);
    }
    for (const tombstone of this.#tombstones) this.#writeTombstone(KIND.tombstone, tombstone);
    for (const [node, life] of this.#lives) this.#batch.add(lifeName(node, life));
  }

  /** At least the size of a checkpoint now, with its share of the directory. */
  get checkpointBytes(): number {
    let bytes = this.#tombstones.length * TOMBSTONE_BYTES;
    bytes += this.#lives.size * (recordBytes(0) + RUN_BYTES);
    for (const { meta } of this.#replicas.values()) {
      bytes += recordBytes(encode(REPLICA_META, meta).length) + RUN_BYTES;
    }
    return bytes;
  }

  write(record: LogRecord): void {
    switch (record.type) {
      case 'create':
        return this.#create(record);
      case 'write':
        return this.#writeWrite(this.#usable(record.shard), record.write);
      case 'forget':
        return this.#forget(this.#usable(record.shard), record.index);
      case 'remove':
        return this.#remove(record);
      case 'life': {
        const { node, incarnation, word } = record;
        this.#lives.set(node, { incarnation, word });
        this.#batch.add(lifeName(node, record));
        return;
      }
      case 'forget-node':
        this.#lives.delete(record.node);
        this.#batch.add(lifeName(record.node, NO_LIFE));
        return;
      default:
        unreachable(record);
    }
  }

  /** Writes the same entry again: its former location is no longer needed. */
  move(
    replica: LogReplica,
    entry: { readonly index: number; readonly kind: number },
    payload: Uint8Array,
  ): void {
    const { shard } = replica;
    const { index } = entry;
    const term = replica.termAt(index);
    assert(term !== undefined, 'an entry that is moved is in the log');
    const location = this.#add({ kind: repairKind(entry.kind), shard, index, term }, payload);
    replica.repair({ index, term }, location);
  }

  #usable(shard: ShardId): LogReplica {
    const replica = this.#replicas.get(shard);
    assert(replica !== undefined, 'a write belongs to an existing replica');
    assert(replica.quarantine === '', 'a replica in quarantine is not written');
    return replica;
  }

  #create({ shard, member, configuration }: LogRecord & { readonly type: 'create' }): void {
    assert(!this.#replicas.has(shard), 'a shard has one replica on a node');
    const replica = new LogReplica(shard, { member, account: this.#live });
    const meta = { ...replica.meta, configurations: [configuration] };
    replica.adopt(meta);
    this.#replicas.set(shard, replica);
    this.#writeReplica(shard, meta);
    this.hasNewHardState = true;
  }

  /** Snapshot, append, repair, hard state: the order that Raft requires. */
  #writeWrite(replica: LogReplica, { snapshot, entries, repairs, hardState }: Write): void {
    const { shard } = replica;
    if (snapshot !== undefined) {
      const { index, term } = snapshot;
      this.#batch.add({ kind: KIND.restart, shard, index, term }, encode(SNAPSHOT, snapshot));
      const isKept = replica.termAt(index) === term;
      replica.restart(snapshot);
      if (isKept) this.#cache.forget(shard, index);
      else this.#cache.drop(shard);
    }
    for (const entry of entries) this.#append(replica, entry);
    this.#cache.append(shard, entries);
    for (const entry of repairs) this.#repair(replica, entry);
    this.#takeHardState(replica, hardState);
  }

  #append(replica: LogReplica, entry: LogEntry): void {
    const { shard } = replica;
    const { index, term } = entry;
    const before = replica.termAt(index - 1);
    assert(before !== undefined && before <= term, 'an append follows an existing entry');
    const kind = kindOf(entry);
    const payload = payloadOf(entry);
    replica.append(entry, this.#add({ kind, shard, index, term }, payload));
    if (entry.kind !== 'configuration') return;
    replica.place({ at: { index, term }, configuration: entry.configuration });
    // A lost configuration would make the membership unknown, so it is written twice.
    this.move(replica, { index, kind }, payload);
  }

  #repair(replica: LogReplica, entry: LogEntry): void {
    if (entry.index <= replica.base.index || entry.index > replica.lastIndex) return;
    assert(replica.termAt(entry.index) === entry.term, 'a repair is of the entry at that index');
    this.move(replica, { index: entry.index, kind: kindOf(entry) }, payloadOf(entry));
    this.#cache.pin(replica.shard, entry);
  }

  #takeHardState(replica: LogReplica, hardState: HardState): void {
    const { term, vote, commit } = replica.hardState;
    if (hardState.term === term && hardState.vote === vote && hardState.commit === commit) return;
    assert(hardState.term >= term, 'a term never decreases');
    if (hardState.term !== term || hardState.vote !== vote) this.hasNewHardState = true;
    replica.hardState = hardState;
    const name = { shard: replica.shard, index: hardState.commit, term: hardState.term };
    this.#batch.add({ kind: KIND.hardState, ...name }, encode(MEMBER, hardState.vote));
  }

  #forget(replica: LogReplica, index: number): void {
    if (index <= replica.base.index) return;
    const { shard } = replica;
    replica.forget(index);
    this.#cache.forget(shard, index);
    this.#batch.add({ kind: KIND.forget, shard, index, term: replica.base.term });
  }

  #remove({ shard, configuration }: LogRecord & { readonly type: 'remove' }): void {
    const replica = this.#replicas.get(shard);
    assert(replica !== undefined, 'a replica that is removed exists');
    const tombstone = { shard, member: replica.member, configuration };
    replica.drop();
    this.#replicas.delete(shard);
    this.#cache.drop(shard);
    this.#tombstones.push(tombstone);
    this.#writeTombstone(KIND.remove, tombstone);
  }

  #writeReplica(shard: ShardId, meta: ReplicaMeta): void {
    const name = { kind: KIND.shard, shard, index: meta.base.index, term: meta.hardState.term };
    this.#batch.add(name, encode(REPLICA_META, meta));
  }

  #writeTombstone(kind: number, { shard, member, configuration }: Tombstone): void {
    const { index, term } = configuration;
    this.#batch.add({ kind, shard, index, term }, encode(MEMBER, member));
    this.#batch.add({ kind: KIND.tombstoneMember, shard, index: member, term: index });
  }

  #add(name: RecordName, payload: Uint8Array): Location {
    return { epoch: this.#epoch, ...this.#batch.add(name, payload) };
  }
}

/** All of it is in the record's name, which the directory repeats. */
function lifeName(node: NodeId, { incarnation, word }: Life): RecordName {
  return { kind: KIND.life, shard: node as number as ShardId, index: incarnation, term: word };
}

function kindOf(entry: LogEntry): number {
  switch (entry.kind) {
    case 'command':
      return KIND.command;
    case 'empty':
      return KIND.empty;
    case 'configuration':
      return KIND.configuration;
    default:
      return unreachable(entry);
  }
}

function payloadOf(entry: LogEntry): Uint8Array {
  if (entry.kind === 'command') return entry.payload;
  if (entry.kind === 'empty') return NO_BYTES;
  const { index, term, configuration } = entry;
  return encode(SNAPSHOT, {
    index,
    term,
    configuration,
    configurationAt: { index, term },
  });
}

/** At least the size of a record in a batch, with its share of the directory. */
export function bytesOf(record: LogRecord): number {
  switch (record.type) {
    case 'create':
      return 2 * configurationBytes(record.configuration.configuration) + RUN_BYTES;
    case 'remove':
      return TOMBSTONE_BYTES;
    case 'forget':
    case 'life':
    case 'forget-node':
      return recordBytes(MEMBER_BYTES) + RUN_BYTES;
    case 'write':
      return bytesOfWrite(record.write);
    default:
      return unreachable(record);
  }
}

function bytesOfWrite({ snapshot, entries, repairs }: Write): number {
  let bytes = recordBytes(MEMBER_BYTES) + RUN_BYTES;
  if (snapshot !== undefined) bytes += configurationBytes(snapshot.configuration) + RUN_BYTES;
  let before: LogEntry | undefined;
  for (const entry of entries) {
    const isRun = before?.term === entry.term && before.kind === entry.kind;
    bytes += bytesOfEntry(entry) + (isRun ? 0 : RUN_BYTES);
    before = entry;
  }
  for (const entry of repairs) bytes += bytesOfEntry(entry) + RUN_BYTES;
  return bytes;
}

function bytesOfEntry(entry: LogEntry): number {
  if (entry.kind === 'command') return recordBytes(entry.payload.length + SEAL_BYTES);
  if (entry.kind === 'empty') return recordBytes(0);
  return 2 * (configurationBytes(entry.configuration) + RUN_BYTES);
}

function configurationBytes({ voters, outgoing, learners }: Configuration): number {
  const members = voters.length + outgoing.length + learners.length;
  return recordBytes(CONFIGURATION_BYTES + members * MEMBER_BYTES);
}
