/** The log as a chain of segments: one write in flight at a time, for all shards of a node. */

import { assert } from '../../base/assert.ts';
import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Life, Lineage } from '../../base/life.ts';
import type { Random } from '../../base/random.ts';
import type { EntryRange, EntryReader } from '../../raft/log.ts';
import { type FileFault, type Files, faultText } from '../files/files.ts';
import type { LogLimits } from '../limits.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { newLife } from '../sealing/record-seal.ts';
import { AppendQueue } from './append-queue.ts';
import { EntryCache } from './entry-cache.ts';
import type { BatchPosition } from './hard-state.ts';
import type { HardStateWriter } from './hard-state-writer.ts';
import type { LiveBytes } from './live-bytes.ts';
import type {
  Damage,
  Fullness,
  Log,
  LogMetrics,
  LogOwner,
  LogRecord,
  Quarantined,
  RestoredReplica,
  Tombstone,
} from './log.ts';
import { Batch, END_BYTES, RUN_BYTES } from './log-batch.ts';
import { LogCleaner } from './log-cleaner.ts';
import { ownerCrc } from './log-identity.ts';
import { entryOf, LogReader } from './log-reader.ts';
import type { Continuation, Recovery, Tail } from './log-recovery.ts';
import { type LogReplica, usableShards } from './log-replica.ts';
import {
  encodePreamble,
  firstPrevious,
  PREAMBLE_BYTES,
  type SegmentHeader,
  segmentName,
} from './log-segment.ts';
import { LogWriter } from './log-writer.ts';
import { SegmentChain } from './segment-chain.ts';
import type { SegmentPool } from './segment-pool.ts';
import { SyncClock } from './sync-clock.ts';

export interface SegmentLogOptions {
  readonly files: Files;
  readonly owner: LogOwner;
  readonly limits: LogLimits;
  readonly random: Random;
  /** Commands are sealed; absent in a plain folder. */
  readonly keyring?: Keyring | undefined;
  /** A monotone clock in milliseconds, for metrics only. */
  readonly now: () => number;
  /** Receives a line that says what failed; the process has to end. Called at most once. */
  readonly onFault: (line: string) => void;
}

interface SegmentLogParts extends SegmentLogOptions {
  readonly lineage: Lineage;
  readonly recovery: Recovery;
  readonly pool: SegmentPool;
  readonly hardStateWriter: HardStateWriter;
  /** The greatest epoch that any file here ever had. */
  readonly lastEpoch: number;
}

/** The segment being written. */
interface Current {
  readonly header: SegmentHeader;
  /** The offset of the next batch. */
  offset: number;
  batch: number;
  previous: number;
}

interface BatchKind {
  /** The first batch of its segment. */
  readonly isFirst: boolean;
  /** Contains only records that free space, because there is no room for others. */
  readonly isFreeing?: boolean;
}

/** Reserved at the end of the last segment for records that free space: hundreds of them. */
const FREEING_BYTES_MAX = 32 * 1024;

/** The number of damaged places that are reported. */
const DAMAGE_MAX = 1000;

export class SegmentLog implements Log {
  readonly incarnation: number;
  readonly lineage: Lineage;
  readonly lives: ReadonlyMap<NodeId, Life>;
  readonly #parts: SegmentLogParts;
  readonly #batch = new Batch();
  readonly #writer: LogWriter;
  readonly #cache: EntryCache;
  readonly #reader: LogReader;
  readonly #cleaner: LogCleaner;
  readonly #live: LiveBytes;
  readonly #clock: SyncClock;
  readonly #replicas: Map<ShardId, LogReplica>;
  readonly #tombstones: Tombstone[];
  readonly #damage: Damage[];
  readonly #chain: SegmentChain;
  readonly #queue = new AppendQueue();
  #current: Current | undefined;
  #continuation: Continuation;
  /** The offset of the batch in flight in the current segment, or of the next one. */
  #doneThrough = 0;
  #lastEpoch: number;
  #confirmed: BatchPosition = { epoch: 0, batch: 0 };
  #confirmedEnd = 0;
  #isBusy = false;
  #isFailed = false;
  #isClosing = false;
  /** Neither a later batch nor a hard-state copy confirms the last batch. */
  #isUnconfirmed = false;
  #isConfirming = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: SegmentLogParts) {
    const { recovery, limits, files } = parts;
    const { replay } = recovery;
    this.#parts = parts;
    this.lineage = parts.lineage;
    this.incarnation = parts.lineage.incarnation;
    this.lives = replay.lives;
    this.#live = replay.live;
    this.#replicas = replay.replicas;
    this.#tombstones = replay.tombstones;
    this.#damage = replay.damage.slice(0, DAMAGE_MAX);
    this.#cache = new EntryCache(limits.cacheBytesMax);
    this.#clock = new SyncClock(parts.now);
    this.#lastEpoch = parts.lastEpoch;
    this.#continuation = recovery.continuation;
    this.#chain = new SegmentChain(this.#live, parts.keyring);
    for (const header of recovery.chain) {
      if (header.epoch <= recovery.continuation.before) this.#chain.add(header);
    }
    this.#writer = new LogWriter({
      batch: this.#batch,
      live: this.#live,
      cache: this.#cache,
      replicas: this.#replicas,
      tombstones: this.#tombstones,
      lives: replay.lives,
    });
    this.#reader = new LogReader({
      files,
      bytesMax: limits.readBytesMax,
      saltOf: (epoch) => this.#chain.saltOf(epoch),
      sealOf: (epoch) => this.#chain.sealOf(epoch),
      isOnDisk: ({ epoch, offset }) => {
        return epoch !== this.#current?.header.epoch || offset < this.#doneThrough;
      },
      onDamage: (damage) => {
        if (this.#damage.length < DAMAGE_MAX) this.#damage.push(damage);
      },
    });
    this.#cleaner = new LogCleaner({
      limits,
      replicas: this.#replicas,
      read: (replica, index) => this.#reader.readRaw(replica, index),
      write: (replica, index, raw) => {
        const entry = entryOf(replica, index, raw);
        this.#writer.move(replica, { index, kind: raw.kind }, raw.payload);
        // Its new location cannot be read until the batch is durable.
        if (entry !== undefined) this.#cache.pin(replica.shard, entry);
      },
    });
  }

  /** Begins this incarnation: its own segment, with a checkpoint and the tail of the one before. */
  start(onStarted: () => void): void {
    this.#onIdle = onStarted;
    this.#switch();
  }

  get fullness(): Fullness {
    return this.#parts.pool.fullness;
  }

  claim(bytes: number, go: () => void): void {
    this.#parts.pool.claim(bytes, go);
  }

  get damage(): readonly Damage[] {
    return this.#damage;
  }

  get tombstones(): readonly Tombstone[] {
    return this.#tombstones;
  }

  get quarantined(): readonly Quarantined[] {
    return [...this.#replicas.values()]
      .filter(({ quarantine }) => quarantine !== '')
      .map(({ shard, member, quarantine: reason }) => ({ shard, member, reason }));
  }

  get shards(): readonly ShardId[] {
    return usableShards(this.#replicas);
  }

  replica(shard: ShardId): RestoredReplica | undefined {
    return this.#replicas.get(shard)?.restored;
  }

  reader(shard: ShardId): EntryReader {
    return { read: (range) => this.#read(shard, range) };
  }

  #read(shard: ShardId, range: EntryRange): ReturnType<EntryReader['read']> {
    const replica = this.#replicas.get(shard);
    assert(replica !== undefined, 'entries are read of an existing replica');
    assert(range.from > replica.base.index && range.from <= range.to, 'the range is in the log');
    assert(range.to <= replica.lastIndex, 'the range was submitted to the disk');
    const cache = this.#cache.read(shard, range);
    if (cache !== undefined) return cache;
    const entries = this.#reader.read(replica, range);
    return entries.length > 0 ? entries : 'damaged';
  }

  bytesOf(shard: ShardId): number {
    return this.#replicas.get(shard)?.table.bytes ?? 0;
  }

  firstWithin(shard: ShardId, bytesMax: number): number {
    return this.#replicas.get(shard)?.table.firstWithin(bytesMax) ?? 0;
  }

  append(records: readonly LogRecord[], onDurable: () => void): void {
    assert(!this.#isClosing, 'a closed log is not appended to');
    if (this.#isFailed) return;
    this.#queue.push(records, onDurable);
    this.#pump();
  }

  idle(): void {
    if (this.#isFailed || this.#isClosing || this.#current === undefined) return;
    this.#parts.pool.tick();
    if (this.#isBusy) return;
    if (this.#queue.length > 0) return this.#pump();
    // Not written after the batch, where damage would hide both.
    this.#isConfirming = this.#isUnconfirmed;
    this.#maintainHardStates();
    if (this.#isMoving()) this.#writeOrSwitch();
  }

  metrics(): LogMetrics {
    const { pool } = this.#parts;
    return {
      ...this.#clock.metrics(),
      queuedRecords: this.#queue.length,
      segments: this.#chain.length,
      spares: pool.spares,
      liveBytes: this.#live.total,
      movedBytes: this.#cleaner.movedBytes,
      cachedBytes: this.#cache.bytes,
      freeBytes: pool.freeBytes,
    };
  }

  close(onClosed: () => void): void {
    if (this.#isClosing) return onClosed();
    this.#isClosing = true;
    const { files, pool, hardStateWriter } = this.#parts;
    const end = () => {
      files.close();
      onClosed();
    };
    if (this.#isFailed) return end();
    this.#whenIdle(() => {
      hardStateWriter.whenIdle(() => this.#writeHardStates(() => pool.close(end)));
    });
  }

  /** Calls back when nothing is queued or in flight. */
  #whenIdle(go: () => void): void {
    if (!this.#isBusy && this.#queue.length === 0) return go();
    this.#onIdle = go;
    this.#pump();
  }

  /** Called when a spare became available. */
  retry(): void {
    this.#pump();
  }

  fail(fault: FileFault): void {
    if (this.#isFailed) return;
    this.#isFailed = true;
    this.#queue.clear();
    this.#parts.onFault(`the log failed: ${faultText(fault)}`);
  }

  #pump(): void {
    if (this.#isBusy || this.#isFailed) return;
    if (this.#current === undefined) return this.#onIdle === undefined ? undefined : this.#switch();
    if (this.#queue.length > 0) this.#writeOrSwitch();
  }

  #writeOrSwitch(): void {
    const { limits } = this.#parts;
    const needed = END_BYTES + this.#queue.firstBytes;
    assert(needed <= limits.batchBytesMax, 'a write fits a batch');
    const room = this.#room;
    // The rest of the last segment is reserved for records that free space.
    const kept = this.#parts.pool.spares > 0 ? 0 : this.#freeingBytes;
    if (needed + kept <= room) return this.#write({ isFirst: false });
    this.#switch();
    const isFree = this.#queue.hasFreeing(room - END_BYTES, this.#isKnown);
    if (!this.#isBusy && isFree) this.#write({ isFirst: false, isFreeing: true });
  }

  readonly #isKnown = (shard: ShardId, index: number): boolean => {
    return this.#replicas.get(shard)?.termAt(index) !== undefined;
  };

  get #freeingBytes(): number {
    return Math.min(FREEING_BYTES_MAX, this.#parts.limits.segmentBytesMin / 8);
  }

  /** The free space of the current segment. */
  get #room(): number {
    const current = this.#current;
    return current === undefined ? 0 : current.header.size - current.offset;
  }

  #isMoving(): boolean {
    const { bytes: chainBytes } = this.#chain;
    const { segmentBytes } = this.#parts.pool;
    return this.#cleaner.isWorthwhile({ chainBytes, liveBytes: this.#live.total, segmentBytes });
  }

  /**
   * Switches to the next segment: renamed, and its name durable, before anything is written to it.
   */
  #switch(): void {
    const { files, pool, owner, random, lineage, keyring } = this.#parts;
    const spare = pool.take(this.#switchBytes);
    if (spare === undefined) return pool.replenish();
    this.#isBusy = true;
    this.#lastEpoch += 1;
    const current = this.#current;
    const continuation =
      current === undefined
        ? this.#continuation
        : { before: current.header.epoch, follows: current.batch, followsEnd: current.offset };
    const header: SegmentHeader = {
      epoch: this.#lastEpoch,
      salt: random.word(),
      size: spare.size,
      owner: ownerCrc(owner),
      incarnation: lineage.incarnation,
      ...continuation,
      isBoot: current === undefined,
      life: newLife(keyring),
    };
    files.rename({ from: spare.name, to: segmentName(header.epoch) }, (fault) => {
      if (fault !== undefined) return this.fail(fault);
      files.syncFolder((failure) => {
        if (failure !== undefined) return this.fail(failure);
        this.#current = { header, offset: 0, batch: 0, previous: firstPrevious(header) };
        this.#chain.add(header);
        this.#write({ isFirst: true });
      });
    });
  }

  /** The minimum size of the next segment: its beginning, and the first queued record. */
  get #switchBytes(): number {
    const { tail } = this.#parts.recovery;
    const isBoot = this.#current === undefined;
    // Its records are named in the directory as well.
    const tailBytes = isBoot && tail !== undefined ? 2 * (tail.end - tail.start) : 0;
    const begun = PREAMBLE_BYTES + this.#writer.checkpointBytes + tailBytes + END_BYTES;
    return begun + END_BYTES + this.#queue.firstBytes + this.#freeingBytes;
  }

  /** Writes one batch of as many records as fit; the first of a segment includes the header. */
  #write({ isFirst, isFreeing = false }: BatchKind): void {
    const { limits, files, recovery } = this.#parts;
    const current = this.#current;
    assert(current !== undefined, 'there is a segment to write to');
    const { header, offset } = current;
    this.#isBusy = true;
    this.#doneThrough = offset;
    current.batch += 1;
    this.#batch.begin({
      epoch: header.epoch,
      salt: header.salt,
      number: current.batch,
      offset,
      previous: current.previous,
      seal: this.#chain.sealOf(header.epoch),
      ...(isFirst ? { preamble: encodePreamble(header) } : {}),
    });
    this.#writer.begin(header.epoch);
    if (isFirst) this.#writer.checkpoint();
    if (header.isBoot && isFirst && recovery.tail !== undefined) this.#rewrite(recovery.tail);
    const used = this.#batch.length + this.#batch.count * RUN_BYTES + END_BYTES;
    const room = Math.min(limits.batchBytesMax, header.size - offset - used);
    const callbacks = isFreeing ? this.#fillFreeing(room) : this.#fill(room);
    const bytes = this.#batch.end();
    assert(offset + bytes.length <= header.size, 'a batch ends inside its segment');
    this.#parts.pool.wrote(bytes.length);
    current.previous = this.#batch.previous;
    current.offset = offset + bytes.length;
    this.#clock.begin(bytes.length);
    files.write({ name: segmentName(header.epoch), offset, bytes }, (fault) => {
      if (fault !== undefined) return this.fail(fault);
      if (this.#isFailed) return;
      this.#clock.end();
      this.#confirmed = { epoch: header.epoch, batch: current.batch };
      this.#confirmedEnd = current.offset;
      this.#isUnconfirmed = true;
      this.#doneThrough = current.offset;
      this.#cache.settle();
      if (!isFirst) return this.#finish(callbacks);
      // From now on the loss of the header, or of the file, is detected.
      const { hardStateWriter } = this.#parts;
      hardStateWriter.whenIdle(() => this.#writeHardStates(() => this.#finish(callbacks)));
    });
  }

  /** Writes queued records, then entries to be moved. Returns the callbacks of the former. */
  #fill(room: number): readonly (() => void)[] {
    const { callbacks, left } = this.#queue.take(room, (record) => this.#writer.write(record));
    if (this.#chain.length > 1 && this.#isMoving()) this.#cleaner.move(this.#chain.oldest, left);
    return callbacks;
  }

  #fillFreeing(room: number): readonly (() => void)[] {
    this.#queue.takeFreeing(room, this.#isKnown, (record) => this.#writer.write(record));
    return [];
  }

  /** The former incarnation's last batch may be in the page cache only, so it is rewritten here. */
  #rewrite({ segment, start }: Tail): void {
    const { epoch } = segment.header;
    this.#chain.know(segment.header);
    for (const replica of this.#replicas.values()) {
      for (let index = replica.base.index + 1; index <= replica.lastIndex; index++) {
        if (replica.table.epochAt(index) !== epoch) continue;
        if (replica.table.at(index).offset < start) continue;
        const raw = this.#reader.readRaw(replica, index);
        if (raw !== undefined) {
          this.#writer.move(replica, { index, kind: raw.kind }, raw.payload);
          const entry = entryOf(replica, index, raw);
          if (entry !== undefined) this.#cache.pin(replica.shard, entry);
        }
      }
    }
  }

  #finish(callbacks: readonly (() => void)[]): void {
    if (this.#isFailed) return;
    this.#isBusy = false;
    this.#chain.free();
    this.#maintainHardStates();
    this.#parts.pool.replenish();
    this.#pump();
    for (const callback of callbacks) callback();
    if (this.#isBusy || this.#queue.length > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }

  /** Runs between batches only: what the hard states confirm is durable. */
  #maintainHardStates(): void {
    const { hardStateWriter } = this.#parts;
    const isConfirmed = !this.#chain.hasFreed || hardStateWriter.oldest >= this.#chain.oldest;
    if (isConfirmed) for (const freed of this.#chain.takeFreed()) this.#parts.pool.release(freed);
    if (this.#isBusy || this.#isFailed || hardStateWriter.isBusy) return;
    if (isConfirmed && !this.#writer.hasNewHardState && !this.#isConfirming) return;
    this.#writeHardStates(() => this.#maintainHardStates());
  }

  #writeHardStates(done: () => void): void {
    const { hardStateWriter } = this.#parts;
    const { incarnation } = this;
    this.#writer.hasNewHardState = false;
    this.#isUnconfirmed = false;
    this.#isConfirming = false;
    const votes = [...this.#replicas.values()].map(({ shard, member, hardState }) => {
      return { shard, member, term: hardState.term, vote: hardState.vote };
    });
    const { oldest } = this.#chain;
    const [confirmed, confirmedEnd] = [this.#confirmed, this.#confirmedEnd];
    hardStateWriter.write({ incarnation, oldest, confirmed, confirmedEnd, votes }, done);
  }
}
