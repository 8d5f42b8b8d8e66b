/**
 * The segments of a log: created ahead, taken, and returned when they are not needed; and the
 * reserve, files that are removed for the state store on a full disk.
 *
 * A spare is created only if the watch reports enough space beyond the minimum: the disk is never
 * filled to find out that it is full. If creation fails all the same (a quota, another program),
 * the next attempt waits, each time longer.
 */

import type { FileEntry, FileFault, Files } from '../files/files.ts';
import { SpaceWatch } from '../files/space-watch.ts';
import type { LogLimits } from '../limits.ts';
import type { Fullness } from './log.ts';
import { SPARE_NEW, spareName, spareNumberOf } from './log-folder.ts';
import { LogReserve } from './log-reserve.ts';
import { segmentName } from './log-segment.ts';

interface SegmentPoolOptions {
  readonly files: Files;
  readonly limits: LogLimits;
  readonly now: () => number;
  readonly found: readonly FileEntry[];
  readonly reserve: readonly FileEntry[];
  readonly onFault: (fault: FileFault) => void;
  /** A spare became available. */
  readonly onSpare: () => void;
  /** The first segment of this incarnation cannot be created. */
  readonly onShort: () => void;
}

/** A caller that waits for free space. */
interface Claim {
  readonly bytes: number;
  readonly go: () => void;
}

const PAGE_BYTES = 4096;
const RETRY_MILLISECONDS_MIN = 500;
const RETRY_MILLISECONDS_MAX = 60_000;
/** A segment's size is this fraction of the bytes written since the start, within limits. */
const GROWTH = 4;
/** A segment of a former incarnation may be larger than new ones by this factor. */
const OVERSIZE = 2;
/** Creating the reserve must not cause the shortage that it is for. */
const RESERVE_MARGIN = 1.5;
/** A start on a full disk uses a segment with this much more than it needs. */
const SCARCE_BYTES = 256 * 1024;

export class SegmentPool {
  readonly #options: SegmentPoolOptions;
  readonly #watch: SpaceWatch;
  readonly #spares: FileEntry[];
  #claims: Claim[] = [];
  #number = 0;
  #isCreating = false;
  #isShort = false;
  #isClosed = false;
  /** File operations in flight. */
  #pending = 0;
  /** Segments that are being renamed to spares. */
  #renamed = 0;
  #onClosed: (() => void) | undefined;
  #writtenBytes = 0;
  /** The minimum size of the next spare, because a write waits for it. */
  #wantedBytes = 0;
  readonly #reserve: LogReserve;
  /** The first segment of this incarnation was not taken yet. */
  #isBooting = true;
  #hasTriedScarce = false;
  /** What a former incarnation needed, and this one does not, was removed. */
  #hasTrimmed = false;
  /** The size of the last file whose creation failed. */
  #missedBytes = 0;
  #retryAt = Number.NEGATIVE_INFINITY;
  #retryMilliseconds = RETRY_MILLISECONDS_MIN;

  constructor(options: SegmentPoolOptions) {
    this.#options = options;
    this.#spares = [...options.found];
    for (const { name } of options.found) {
      this.#number = Math.max(this.#number, spareNumberOf(name));
    }
    const { files, limits } = options;
    this.#reserve = new LogReserve({
      files,
      limits,
      found: options.reserve,
      remove: (name) => this.#remove(name),
    });
    this.#watch = new SpaceWatch({
      files: {
        space: (done) => {
          if (!this.#isClosed) files.space(this.#counted(done));
        },
      },
      limits,
      onLook: () => this.#looked(),
    });
  }

  get fullness(): Fullness {
    // The rest is in the current segment.
    if (this.#isShort && this.#spares.length === 0) return 'full';
    return this.#isShort || this.#watch.level !== 'plenty' ? 'read-only' : 'ok';
  }

  get freeBytes(): number | undefined {
    return this.#watch.freeBytes;
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** The size of a new segment. */
  get segmentBytes(): number {
    const { segmentBytes, segmentBytesMin } = this.#options.limits;
    let size = segmentBytesMin;
    while (size * 2 <= segmentBytes && size * 2 * GROWTH <= this.#writtenBytes) size *= 2;
    return size;
  }

  wrote(bytes: number): void {
    this.#writtenBytes += bytes;
    this.#watch.writtenBytes = this.#writtenBytes;
  }

  /**
   * Takes a spare of at least so many bytes. If there is none, one will be created when possible.
   */
  take(bytes: number): FileEntry | undefined {
    const fit = this.#spares.filter(({ size }) => size >= bytes);
    // The last spares are not spent on small demands, nor is a large one of a former incarnation.
    if (this.#isShort || this.#isBooting) fit.sort((one, other) => one.size - other.size);
    const spare = fit[0];
    if (spare === undefined) {
      this.#wantedBytes = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
      return undefined;
    }
    this.#wantedBytes = 0;
    this.#isBooting = false;
    this.#spares.splice(this.#spares.indexOf(spare), 1);
    return spare;
  }

  /** To be called regularly: checks whether space became scarce or returned. */
  tick(): void {
    if (this.#isClosed) return;
    this.#watch.tick(this.#options.now());
    this.replenish();
  }

  /** Creates missing spares, one at a time. */
  replenish(): void {
    if (this.#isClosed || this.#isCreating) return;
    if (this.#watch.freeBytes === undefined) return this.#watch.look();
    const now = this.#options.now();
    const size = Math.max(this.segmentBytes, this.#wantedBytes);
    if (!this.#isMissing()) {
      this.#isShort = false;
      return this.#replenishReserve();
    }
    const hasRoom = this.#watch.freeBytes - size >= this.#watch.fullBytes;
    if (hasRoom && now >= this.#retryAt) return this.#create(size);
    if (this.#isBooting && this.#wantedBytes > 0) return this.#createScarce();
    this.#runShort();
  }

  /** A start needs one segment: for it the reserve and the minimum of free space may be used. */
  #createScarce(): void {
    const size = this.#wantedBytes + SCARCE_BYTES;
    if ((this.#watch.freeBytes ?? 0) >= size && !this.#hasTriedScarce) {
      this.#hasTriedScarce = true;
      return this.#create(size);
    }
    if (this.#reserve.isEmpty) return this.#runShort();
    this.#hasTriedScarce = false;
    this.#reserve.giveUp(size);
  }

  /**
   * Calls back when so many bytes are free, immediately while there is plenty: the state store asks
   * before it grows. The reserve is removed for it, and created again when space returns.
   */
  claim(bytes: number, go: () => void): void {
    const { level, freeBytes = Number.POSITIVE_INFINITY, lowBytes } = this.#watch;
    if (level === 'plenty' && freeBytes - bytes >= lowBytes) {
      this.#watch.take(bytes);
      return go();
    }
    this.#claims.push({ bytes, go });
    this.#watch.look();
  }

  /** Returns a segment that is no longer needed. */
  release({ epoch, size }: { readonly epoch: number; readonly size: number }): void {
    const { files, limits, onFault } = this.#options;
    const from = segmentName(epoch);
    if (this.#isClosed) return;
    const coming = this.#renamed + (this.#isCreating ? 1 : 0);
    const isEnough = this.#spares.length + coming >= limits.sparesMax;
    // A segment of another size than new ones is removed, if there is space for a new one.
    const isUnfit = this.#isUnfit(size) && this.fullness === 'ok';
    if (isEnough || isUnfit) return this.#remove(from);
    const to = this.#nextName();
    this.#renamed += 1;
    const done = this.#counted((fault: FileFault | undefined) => {
      this.#renamed -= 1;
      if (fault !== undefined) return onFault(fault);
      this.#add({ name: to, size });
    });
    files.rename({ from, to }, done);
  }

  /**
   * Begins no further operation. Those in flight must not touch the files of a later incarnation.
   */
  close(onClosed: () => void): void {
    this.#isClosed = true;
    this.#claims = [];
    if (this.#pending === 0) onClosed();
    else this.#onClosed = onClosed;
  }

  /** A large write may need a larger segment than usual. */
  #isMissing(): boolean {
    const isWanted = this.#wantedBytes > 0;
    if (isWanted && !this.#spares.some(({ size }) => size >= this.#wantedBytes)) return true;
    return this.#spares.length < this.#options.limits.sparesMin;
  }

  #looked(): void {
    if (this.#isClosed) return;
    this.#backOff();
    this.#serveClaims();
    this.#trim();
    this.replenish();
  }

  /**
   * An incarnation that has written little needs small files: a store that once wrote much does not
   * keep their size for ever. Once, and only where there is plenty of space.
   */
  #trim(): void {
    if (this.#hasTrimmed || this.#isBooting || this.fullness !== 'ok') return;
    this.#hasTrimmed = true;
    for (const spare of [...this.#spares]) {
      if (!this.#isUnfit(spare.size)) continue;
      this.#spares.splice(this.#spares.indexOf(spare), 1);
      this.#remove(spare.name);
    }
    this.#reserve.trim(this.#writtenBytes);
  }

  #isUnfit(size: number): boolean {
    return size < this.segmentBytes || size > OVERSIZE * this.segmentBytes;
  }

  /** In order: a large claim is not overtaken until there is no space for it at all. */
  #serveClaims(): void {
    for (let claim = this.#claims[0]; claim !== undefined; claim = this.#claims[0]) {
      if ((this.#watch.freeBytes ?? 0) < claim.bytes) break;
      this.#watch.take(claim.bytes);
      this.#claims.shift();
      claim.go();
    }
    const [claim] = this.#claims;
    const missing = (claim?.bytes ?? 0) - (this.#watch.freeBytes ?? 0);
    if (claim !== undefined) this.#reserve.giveUp(missing);
  }

  /** Only while there is plenty of space, and so that plenty remains. */
  #replenishReserve(): void {
    const size = this.#reserve.missing(this.#writtenBytes);
    const { level, freeBytes = 0, lowBytes } = this.#watch;
    const hasRoom = level === 'plenty' && freeBytes - size >= lowBytes * RESERVE_MARGIN;
    if (size === 0 || !hasRoom || this.#options.now() < this.#retryAt) return;
    this.#watch.take(size);
    const done = this.#counted((fault: FileFault | undefined) => {
      if (fault !== undefined && !isOfSpace(fault)) return this.#options.onFault(fault);
      if (fault !== undefined) this.#missed(size);
    });
    this.#reserve.grow(size, done);
  }

  #create(size: number): void {
    const { files, onFault } = this.#options;
    this.#isCreating = true;
    this.#watch.take(size);
    const done = this.#counted((fault: FileFault | undefined) => {
      if (fault === undefined) return this.#name(size);
      this.#isCreating = false;
      if (!isOfSpace(fault)) return onFault(fault);
      this.#missed(size);
      // Another spare may have become available meanwhile.
      if (this.#isMissing()) this.#runShort();
    });
    files.create({ name: SPARE_NEW, size }, done);
  }

  #missed(size: number): void {
    this.#missedBytes = size;
    if (!this.#isClosed) this.#watch.look();
  }

  /** The check reports space that an attempt did not find: the next attempt waits. */
  #backOff(): void {
    const missed = this.#missedBytes;
    this.#missedBytes = 0;
    if (missed === 0 || (this.#watch.freeBytes ?? 0) < missed) return;
    this.#retryAt = this.#options.now() + this.#retryMilliseconds;
    this.#retryMilliseconds = Math.min(2 * this.#retryMilliseconds, RETRY_MILLISECONDS_MAX);
  }

  #runShort(): void {
    this.#isShort = true;
    if (this.#isBooting && this.#wantedBytes > 0) this.#options.onShort();
  }

  /**
   * Only a completely durable file is named as a spare, so that a later incarnation can rely on it.
   */
  #name(size: number): void {
    const { files, onFault } = this.#options;
    const to = this.#nextName();
    const done = this.#counted((fault: FileFault | undefined) => {
      this.#isCreating = false;
      if (fault !== undefined) return onFault(fault);
      this.#retryMilliseconds = RETRY_MILLISECONDS_MIN;
      this.#add({ name: to, size });
      this.replenish();
    });
    files.rename({ from: SPARE_NEW, to }, done);
  }

  #add(spare: FileEntry): void {
    this.#spares.push(spare);
    if (!this.#isMissing()) this.#isShort = false;
    this.#options.onSpare();
  }

  #remove(name: string): void {
    const { files, onFault } = this.#options;
    const done = this.#counted((fault: FileFault | undefined) => {
      if (fault !== undefined) return onFault(fault);
      // The removal may have freed the missing space.
      if (!this.#isClosed && (this.#isShort || this.#watch.level !== 'plenty' || this.#isBooting)) {
        this.#watch.look();
      }
    });
    files.remove(name, done);
  }

  /** Wraps the callback of each file operation: `close` waits for all of them. */
  #counted<Answer>(done: (answer: Answer) => void): (answer: Answer) => void {
    this.#pending += 1;
    return (answer) => {
      done(answer);
      this.#pending -= 1;
      if (this.#pending === 0) this.#onClosed?.();
    };
  }

  #nextName(): string {
    this.#number += 1;
    return spareName(this.#number);
  }
}

function isOfSpace({ errno }: FileFault): boolean {
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}
