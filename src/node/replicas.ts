/** The replicas of a node: their creation and removal, and which have work. */

import { present } from '../base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import { type Configuration, NO_CONFIGURATION } from '../raft/configuration.ts';
import { ORIGIN } from '../raft/position.ts';
import { newborn, type RecoveryOptions, recoverReplica } from '../shard/recovery.ts';
import type { Replica } from '../shard/replica.ts';
import type { LogRecord, RestoredReplica } from '../storage/log/log.ts';

interface ReplicasOptions extends RecoveryOptions {
  /** A replica has work for the end of the turn. */
  readonly onWork: () => void;
}

/**
 * Another member has to replace it: it cannot be used, or may not vote. The member is NO_MEMBER if
 * even its id is lost.
 */
export interface LostReplica {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly reason: string;
}

export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #replicas = new Map<ShardId, Replica>();
  #touched = new Set<Replica>();
  /** Members whose tombstones are in the log, by shard: none of them ever starts again. */
  readonly #dead = new Map<ShardId, Set<MemberId>>();
  /** Shards whose log lost even the id of the member. */
  readonly #nameless = new Set<ShardId>();
  /** Cannot be opened, and the map still lists them. */
  readonly #broken = new Map<ShardId, MemberId>();
  /** For the next log batch. */
  #records: LogRecord[] = [];
  #lost: LostReplica[] = [];

  constructor(options: ReplicasOptions) {
    this.#options = options;
    for (const { shard, member } of options.log.tombstones) this.#endReplica(shard, member);
  }

  get all(): Iterable<Replica> {
    return this.#replicas.values();
  }

  get size(): number {
    return this.#replicas.size;
  }

  get(shard: ShardId): Replica | undefined {
    return this.#replicas.get(shard);
  }

  isDead(shard: ShardId, member: MemberId): boolean {
    return this.#dead.get(shard)?.has(member) === true;
  }

  /** No replica ever lived here, so founding in this folder loses nothing. */
  get isEmpty(): boolean {
    return this.#replicas.size === 0 && this.#dead.size === 0 && this.#nameless.size === 0;
  }

  /**
   * Whether a new replica may be created: no remains of a former one could be taken for its own.
   */
  isFree(shard: ShardId): boolean {
    if (this.#replicas.has(shard) || this.#nameless.has(shard)) return false;
    if (this.#broken.has(shard)) return false;
    return this.#options.context.store.isFree(shard);
  }

  touch(replica: Replica): void {
    this.#touched.add(replica);
    this.#options.onWork();
  }

  /** There is something for the end of a turn. */
  get hasWork(): boolean {
    return this.#touched.size + this.#records.length + this.#lost.length > 0;
  }

  /** Records of created and removed replicas. */
  takeRecords(): readonly LogRecord[] {
    return this.#records.splice(0);
  }

  takeLost(): readonly LostReplica[] {
    return this.#lost.splice(0);
  }

  get isLeadingOthers(): boolean {
    const replicas = [...this.#replicas.values()];
    return replicas.some((one) => one.isLeader && one.status().followers.length > 0);
  }

  /** The replicas with work, once each. */
  takeTouched(): readonly Replica[] {
    const touched = [...this.#touched].filter((one) => this.#replicas.get(one.shard) === one);
    this.#touched = new Set();
    return touched;
  }

  /** Opens the replicas of the former lives of this node. */
  openAll(): void {
    const { log, context } = this.#options;
    const { store } = context;
    const quarantined = log.quarantined.map(({ shard }) => shard);
    const isKnown = (shard: ShardId) => log.shards.includes(shard) || quarantined.includes(shard);
    for (const shard of store.shards) if (!isKnown(shard)) store.drop(shard);
    for (const { shard, member, reason } of log.quarantined) this.#giveUp(shard, member, reason);
    for (const shard of log.shards) {
      this.#open(shard, present(log.replica(shard), 'a shard that the log lists is there'));
    }
  }

  /** The first replica of a shard: its only voter. */
  found(shard: ShardId, member: MemberId): void {
    this.#create(shard, member, { voters: [member], outgoing: [], learners: [] });
  }

  /** A replica that knows no other member, and waits for a leader's message. */
  createReplica(shard: ShardId, member: MemberId): void {
    this.#create(shard, member, NO_CONFIGURATION);
  }

  /** Leaves the tombstone and removes everything else. False while the disk is busy with it. */
  destroy(replica: Replica): boolean {
    if (!replica.mayGo) return false;
    const { shard, member } = replica;
    const { context } = this.#options;
    const configuration = replica.status().configuration.at;
    replica.end();
    this.#replicas.delete(shard);
    this.#touched.delete(replica);
    this.#endReplica(shard, member);
    this.#record({ type: 'remove', shard, configuration });
    context.store.drop(shard);
    return true;
  }

  /**
   * A replica that cannot be opened is left as it is until the map lists another member here: if it
   * was the only one, an operator may still restore what it lacks. If its member id is lost, its
   * records stay until the map names it: see `writeTombstone`.
   */
  #giveUp(shard: ShardId, member: MemberId, reason: string): void {
    if (member === NO_MEMBER) this.#nameless.add(shard);
    else {
      this.#endReplica(shard, member);
      this.#broken.set(shard, member);
    }
    this.#lose({ shard, member, reason });
  }

  /** The map lists other members by now: a replica that could not be opened is removed. */
  discardBroken(isListed: (shard: ShardId, member: MemberId) => boolean): void {
    for (const [shard, member] of this.#broken) {
      if (isListed(shard, member)) continue;
      this.#broken.delete(shard);
      this.#record({ type: 'remove', shard, configuration: ORIGIN });
      const { store } = this.#options.context;
      if (store.shards.includes(shard)) store.drop(shard);
    }
  }

  /**
   * Takes the member from the map where the log lost it. The tombstone needs the id: created again
   * under it, that member would vote without its earlier votes.
   */
  writeTombstone(shard: ShardId, member: MemberId | undefined): void {
    if (!this.#nameless.delete(shard)) return;
    const { context } = this.#options;
    if (context.store.shards.includes(shard)) context.store.drop(shard);
    this.#record({ type: 'remove', shard, configuration: ORIGIN });
    if (member === undefined) return;
    this.#endReplica(shard, member);
    const configuration = { at: ORIGIN, configuration: NO_CONFIGURATION };
    this.#record({ type: 'create', shard, member, configuration });
    this.#record({ type: 'remove', shard, configuration: ORIGIN });
  }

  get nameless(): readonly ShardId[] {
    return [...this.#nameless];
  }

  #endReplica(shard: ShardId, member: MemberId): void {
    const dead = this.#dead.get(shard);
    if (dead === undefined) this.#dead.set(shard, new Set([member]));
    else dead.add(member);
  }

  #create(shard: ShardId, member: MemberId, configuration: Configuration): void {
    const placed = { at: ORIGIN, configuration };
    this.#record({ type: 'create', shard, member, configuration: placed });
    this.#open(shard, newborn(member, configuration));
  }

  #open(shard: ShardId, found: RestoredReplica): void {
    const onWork = () => {
      const listed = this.#replicas.get(shard);
      if (listed !== undefined) this.touch(listed);
    };
    const opened = recoverReplica({ shard, found, onWork }, this.#options);
    this.#replicas.set(shard, opened);
    this.touch(opened);
    // It follows and keeps its log until the shard's leader has replaced it.
    if (found.mayVote) return;
    const reason = 'its vote may be lost, so it never votes again: a new member replaces it';
    this.#lose({ shard, member: found.member, reason });
  }

  #record(record: LogRecord): void {
    this.#records.push(record);
    this.#options.onWork();
  }

  #lose(lost: LostReplica): void {
    this.#lost.push(lost);
    this.#options.onWork();
  }
}
