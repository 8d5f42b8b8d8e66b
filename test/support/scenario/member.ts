/** One replica of a transcript: the core, with a disk, a clock and a machine under control. */

import { present } from '../../../src/base/assert.ts';
import type { MemberId, ShardId } from '../../../src/base/ids.ts';
import type { RaftLimits } from '../../../src/base/limits.ts';
import { Random } from '../../../src/base/random.ts';
import type { EntryRange } from '../../../src/raft/log.ts';
import { type SnapshotDescription, sizeOf } from '../../../src/raft/message.ts';
import { Raft } from '../../../src/raft/raft.ts';
import type {
  RaftEvent,
  Ready,
  SnapshotPiece,
  StepResult,
  Write,
} from '../../../src/raft/ready.ts';
import type { RaftStatus } from '../../../src/raft/status.ts';
import {
  beheaded,
  type Checkpoint,
  configurationAt,
  type Disk,
  restoredFrom,
  written,
} from './disk.ts';
import { ListMachine } from './list-machine.ts';

export const SHARD = 1 as ShardId;

/** With it no member's first timeout is the shortest one, and those of 1 to 5 differ. */
const SEED = 21_000;

interface PendingWrite {
  readonly write: Write;
  readonly received: Checkpoint | undefined;
}

export class Member {
  readonly id: MemberId;
  readonly #limits: RaftLimits;
  /** What a crash leaves. */
  #disk: Disk;
  /** What a read sees: the disk and all pending writes. */
  #cache: Disk;
  #pending: PendingWrite[] = [];
  #arriving: Uint8Array[] = [];
  #arrived: Checkpoint | undefined;
  /** It was verified; the core may want to restart from it. */
  #sound: Checkpoint | undefined;
  #raft: Raft | undefined;
  #machine = new ListMachine();
  #now = 0;
  #lives = 0;
  isDiskHeld = false;

  constructor(options: {
    readonly id: MemberId;
    readonly limits: RaftLimits;
    readonly disk: Disk;
  }) {
    this.id = options.id;
    this.#limits = options.limits;
    this.#disk = options.disk;
    this.#cache = options.disk;
    this.begin();
  }

  get isAlive(): boolean {
    return this.#raft !== undefined;
  }

  get hasReady(): boolean {
    return this.#raft?.hasReady === true;
  }

  get hasPendingWrite(): boolean {
    return this.#pending.length > 0;
  }

  /** A whole snapshot is here and has not been verified yet. */
  get arrivedSnapshot(): number | undefined {
    return this.#arrived?.description.index;
  }

  get status(): RaftStatus {
    return this.#core.status();
  }

  get disk(): Disk {
    return this.#cache;
  }

  get texts(): readonly string[] {
    return this.#machine.texts;
  }

  get now(): number {
    return this.#now;
  }

  get #core(): Raft {
    return present(this.#raft, `replica ${this.id} is down`);
  }

  /** A new life, from what the disk has. */
  begin(): void {
    this.#lives += 1;
    const checkpoint = this.#disk.checkpoint;
    if (checkpoint !== undefined) {
      this.#machine.restore({ index: checkpoint.description.index, content: checkpoint.content });
    }
    this.#raft = new Raft({
      shard: SHARD,
      self: this.id,
      limits: this.#limits,
      random: new Random(SEED + this.id * 100 + this.#lives),
      entries: { read: (range) => this.#read(range) },
      snapshots: {
        open: (from) => this.#openSnapshot(from),
        read: (piece) => this.#readSnapshot(piece),
        release: () => {},
      },
      restored: restoredFrom(this.#disk),
    });
  }

  crash(): void {
    this.#raft = undefined;
    this.#cache = this.#disk;
    this.#pending = [];
    this.#arriving = [];
    this.#arrived = undefined;
    this.#sound = undefined;
    this.#machine = new ListMachine();
  }

  step(event: RaftEvent): StepResult {
    return this.#core.step(event);
  }

  tick(milliseconds: number): StepResult {
    this.#now += milliseconds;
    return this.step({ type: 'tick', now: this.#now });
  }

  /** Carries out everything in a `Ready` except the sending. */
  take(): Ready {
    const ready = this.#core.take();
    const { write, committed, truncated } = ready;
    if (write !== undefined) this.#handOver(write);
    for (const chunk of ready.chunks) this.#receive(chunk);
    for (const entry of committed) this.#machine.apply(entry);
    if (committed.length > 0) this.step({ type: 'applied', index: this.#machine.applied });
    if (truncated !== undefined) {
      this.#disk = beheaded(this.#disk, truncated);
      this.#cache = beheaded(this.#cache, truncated);
    }
    return ready;
  }

  /** The oldest write reaches the disk. */
  sync(): StepResult {
    const oldest = present(this.#pending.shift(), `replica ${this.id} has nothing to write`);
    this.#disk = written(this.#disk, oldest.write, oldest.received);
    return this.step({ type: 'durable', mark: oldest.write.mark });
  }

  checkSnapshot(isSound: boolean): StepResult {
    const arrived = present(this.#arrived, `replica ${this.id} has no snapshot to check`);
    this.#arrived = undefined;
    this.#sound = isSound ? arrived : undefined;
    return this.step({ type: 'snapshot-checked', index: arrived.description.index, isSound });
  }

  /** The machine's state at an applied index is on disk and can be sent to others. */
  checkpoint(index: number): StepResult {
    const entry = this.#cache.entries.find((candidate) => candidate.index === index);
    const { term } = present(entry, 'a checkpoint is of an index in the log');
    const placed = configurationAt(this.#cache, index);
    const { configuration, at } = placed;
    const description = { index, term, configuration, configurationAt: at };
    const checkpoint = { description, content: this.#machine.contentAt(index) };
    this.#disk = { ...this.#disk, checkpoint };
    this.#cache = { ...this.#cache, checkpoint };
    return this.step({ type: 'truncate', index });
  }

  /** The content of an entry is lost, which shows only when it is read. */
  damage(index: number): void {
    this.#disk = { ...this.#disk, damaged: [...this.#disk.damaged, index] };
    this.#cache = { ...this.#cache, damaged: [...this.#cache.damaged, index] };
  }

  #openSnapshot(from: number): SnapshotDescription | undefined {
    const description = this.#cache.checkpoint?.description;
    return description === undefined || description.index < from ? undefined : description;
  }

  #handOver(write: Write): void {
    const received = write.snapshot === undefined ? undefined : this.#sound;
    this.#pending.push({ write, received });
    this.#cache = written(this.#cache, write, received);
    if (received === undefined) return;
    this.#sound = undefined;
    this.#machine.restore({ index: received.description.index, content: received.content });
  }

  #receive(chunk: Ready['chunks'][number]): void {
    if (chunk.offset === 0) this.#arriving = [];
    this.#arriving.push(chunk.data);
    if (!chunk.isLast) return;
    const content = new Uint8Array(Buffer.concat(this.#arriving));
    this.#arrived = { description: chunk.snapshot, content };
    this.#arriving = [];
  }

  #read(range: EntryRange) {
    const { entries, damaged } = this.#cache;
    if (damaged.includes(range.from)) return 'damaged' as const;
    const read = [];
    let bytes = 0;
    for (const entry of entries) {
      if (entry.index < range.from || entry.index > range.to) continue;
      bytes += sizeOf(entry);
      if (read.length > 0 && (bytes > range.bytesMax || damaged.includes(entry.index))) break;
      read.push(entry);
    }
    return read;
  }

  #readSnapshot(piece: SnapshotPiece) {
    const checkpoint = this.#cache.checkpoint;
    if (checkpoint?.description.index !== piece.index) return 'gone' as const;
    const end = piece.offset + piece.bytesMax;
    const { content } = checkpoint;
    return { data: content.slice(piece.offset, end), isLast: end >= content.length };
  }
}
