/** One node's disk: what is durable, what was only handed over, and what a crash leaves of that. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { PlacedConfiguration } from '../../src/raft/configuration.ts';
import type { Position } from '../../src/raft/position.ts';
import type { Write } from '../../src/raft/ready.ts';
import type { Agenda } from './agenda.ts';
import { type Checkpoint, ReplicaImage } from './image.ts';
import type { Probes } from './probes.ts';

export type DiskRecord =
  | {
      readonly kind: 'create';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly configuration: PlacedConfiguration;
    }
  | {
      readonly kind: 'write';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly write: Write;
      readonly content: Uint8Array | undefined;
    }
  | {
      readonly kind: 'truncate';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly index: number;
    }
  /** The tombstone and the removal of the replica's data, in this order. */
  | {
      readonly kind: 'destroy';
      readonly shard: ShardId;
      readonly member: MemberId;
      readonly configuration: Position;
    };

interface PendingOperation {
  readonly number: number;
  readonly records: readonly DiskRecord[];
}

interface PendingCheckpoint {
  readonly shard: ShardId;
  readonly member: MemberId;
  readonly checkpoint: Checkpoint;
}

export interface DiskSpeed {
  /** The mean of an fsync in milliseconds; exponential. */
  readonly mean: number;
  readonly minimum: number;
}

export const GOOD_SPEED: DiskSpeed = { mean: 1, minimum: 0.2 };

/** All that is on the platter. */
interface Shelf {
  readonly replicas: Map<ShardId, ReplicaImage>;
  readonly tombstones: Map<MemberId, Position>;
}

export interface DiskOptions {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly probes: Probes;
  readonly onDurable: (operation: number) => void;
  readonly onCheckpoint: (shard: ShardId, member: MemberId, checkpoint: Checkpoint) => void;
}

export class Disk {
  readonly #options: DiskOptions;
  #durable: Shelf = { replicas: new Map(), tombstones: new Map() };
  /** The durable state with all that is pending on top: what reads see. */
  #written: Shelf = { replicas: new Map(), tombstones: new Map() };
  #pending: PendingOperation[] = [];
  #checkpoints = new Set<PendingCheckpoint>();
  #isSyncing = false;
  #lastNumber = 0;
  /** A report from before the last crash finds another number here. */
  #life = 0;
  #stalledUntil = 0;
  speed: DiskSpeed = GOOD_SPEED;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  get written(): ReadonlyMap<ShardId, ReplicaImage> {
    return this.#written.replicas;
  }

  get durable(): ReadonlyMap<ShardId, ReplicaImage> {
    return this.#durable.replicas;
  }

  get tombstones(): ReadonlyMap<MemberId, Position> {
    return this.#written.tombstones;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** One append, one fsync. Operations become durable in order, all that wait in one go. */
  submit(records: readonly DiskRecord[]): number {
    this.#lastNumber += 1;
    this.#pending.push({ number: this.#lastNumber, records });
    for (const record of records) applyRecord(this.#written, record);
    if (!this.#isSyncing) this.#sync();
    return this.#lastNumber;
  }

  #sync(): void {
    const { agenda } = this.#options;
    const covered = this.#pending.length;
    const life = this.#life;
    this.#isSyncing = true;
    const done = Math.max(agenda.now, this.#stalledUntil) + this.#latency();
    agenda.at(done, () => {
      if (life !== this.#life) return;
      this.#isSyncing = false;
      const operations = this.#pending.splice(0, covered);
      for (const { records } of operations) {
        for (const record of records) applyRecord(this.#durable, record);
      }
      if (this.#pending.length > 0) this.#sync();
      for (const { number } of operations) this.#options.onDurable(number);
    });
  }

  /** A file of its own: it appears whole or not at all. */
  saveCheckpoint(pending: PendingCheckpoint): void {
    const { agenda } = this.#options;
    const life = this.#life;
    this.#checkpoints.add(pending);
    agenda.after(this.#latency() * 2, () => {
      if (life !== this.#life || !this.#checkpoints.delete(pending)) return;
      this.#place(pending);
      this.#options.onCheckpoint(pending.shard, pending.member, pending.checkpoint);
    });
  }

  #place({ shard, member, checkpoint }: PendingCheckpoint): void {
    for (const shelf of [this.#durable, this.#written]) {
      const image = shelf.replicas.get(shard);
      if (image?.member === member) image.addCheckpoint(checkpoint);
    }
  }

  /** Power is lost: a prefix of what was pending is on disk, the record behind it is torn. */
  crash(): void {
    const { random, probes } = this.#options;
    const records = this.#pending.flatMap((operation) => operation.records);
    const kept = random.below(records.length + 1);
    for (const record of records.slice(0, kept)) applyRecord(this.#durable, record);
    if (kept < records.length) probes.hit(random.chance(0.5) ? 'disk torn tail' : 'disk lost tail');
    for (const pending of this.#checkpoints) if (random.chance(0.5)) this.#place(pending);
    this.#reset();
  }

  /** A new empty disk. */
  wipe(): void {
    this.#durable = { replicas: new Map(), tombstones: new Map() };
    this.#reset();
  }

  #reset(): void {
    this.#life += 1;
    this.#pending = [];
    this.#checkpoints.clear();
    this.#isSyncing = false;
    const replicas = new Map<ShardId, ReplicaImage>();
    for (const [shard, image] of this.#durable.replicas) replicas.set(shard, image.copy());
    this.#written = { replicas, tombstones: new Map(this.#durable.tombstones) };
  }

  stall(until: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, until);
  }

  heal(): void {
    this.#stalledUntil = 0;
    this.speed = GOOD_SPEED;
  }

  /** The payload of a durable entry becomes unreadable. Says whether there was one. */
  damage(shard: ShardId, index: number): boolean {
    const durable = this.#durable.replicas.get(shard);
    const written = this.#written.replicas.get(shard);
    const entry = durable?.entryAt(index);
    if (durable === undefined || written?.entryAt(index) !== entry) return false;
    if (entry === undefined || entry.kind === 'configuration') return false;
    durable.damaged.add(index);
    written?.damaged.add(index);
    return true;
  }

  /** Both copies of the term and vote become unreadable, while the node is down. */
  loseVote(shard: ShardId): void {
    this.#durable.replicas.get(shard)?.loseVote();
    this.#written.replicas.get(shard)?.loseVote();
  }

  #latency(): number {
    const { mean, minimum } = this.speed;
    return minimum - Math.log(1 - this.#options.random.fraction()) * mean;
  }
}

function applyRecord(shelf: Shelf, record: DiskRecord): void {
  if (record.kind === 'create') {
    const image = new ReplicaImage(record.member, record.configuration);
    shelf.replicas.set(record.shard, image);
    return;
  }
  const image = shelf.replicas.get(record.shard);
  if (image === undefined || image.member !== record.member) return;
  if (record.kind === 'write') image.apply(record.write, record.content);
  else if (record.kind === 'truncate') image.truncate(record.index);
  else {
    shelf.tombstones.set(record.member, record.configuration);
    shelf.replicas.delete(record.shard);
  }
}
