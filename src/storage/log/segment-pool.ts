/**
 * The room of a log: segments made ahead, taken, and given back when they are done with; and the
 * reserve, a file that is given up for the state store when nothing else is left on the disk.
 *
 * A spare is made only where the watch has seen room for it, and leaves the least that is kept
 * free: the disk is never filled to find out that it is full. After an attempt that failed all the
 * same (a quota, another program) the next one waits, each time longer.
 */

import type { LogLimits } from '../../base/limits.ts';
import type { FileEntry, FileFault, Files } from '../files/files.ts';
import { SpaceWatch } from '../files/space-watch.ts';
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
  /** There is a spare that was not there before. */
  readonly onSpare: () => void;
  /** The first segment of this life cannot be had. */
  readonly onShort: () => void;
}

/** Room on the disk that waits to be there. */
interface Claim {
  readonly bytes: number;
  readonly go: () => void;
}

const PAGE_BYTES = 4096;
const RETRY_MILLISECONDS_MIN = 500;
const RETRY_MILLISECONDS_MAX = 60_000;
/** A segment is as large as this part of what this life has written, within its bounds. */
const GROWTH = 4;
/** Making it is not to bring about what it is for. */
const RESERVE_MARGIN = 1.5;
/** A start on a full disk makes do with a segment that has just this much beside what it needs. */
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
  /** Calls on files that are not answered yet. */
  #pending = 0;
  /** Segments on their way to become spares. */
  #renamed = 0;
  #onClosed: (() => void) | undefined;
  #writtenBytes = 0;
  /** The least that the next spare has to hold, because a write waits for it. */
  #wantedBytes = 0;
  readonly #reserve: LogReserve;
  /** The first segment of this life is not taken yet. */
  #isBooting = true;
  #hasTriedScarce = false;
  /** What was tried to be made last, and could not be. */
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
    // What is left is in the segment in use.
    if (this.#isShort && this.#spares.length === 0) return 'full';
    return this.#isShort || this.#watch.level !== 'plenty' ? 'read-only' : 'ok';
  }

  get freeBytes(): number | undefined {
    return this.#watch.freeBytes;
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** What a segment that is made now is to have. */
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

  /** A spare of at least so many bytes is the caller's now. Without one it is made, if possible. */
  take(bytes: number): FileEntry | undefined {
    const fit = this.#spares.filter(({ size }) => size >= bytes);
    // The last ones are not to be wasted on little.
    if (this.#isShort) fit.sort((one, other) => one.size - other.size);
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

  /** To be called again and again: looks whether space has gone or returned. */
  tick(): void {
    if (this.#isClosed) return;
    this.#watch.tick(this.#options.now());
    this.replenish();
  }

  /** Makes what is missing, one at a time. */
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

  /** A start needs one segment. For that the reserve may go, and the least that is kept free. */
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
   * Calls back when so many bytes are free, at once while there is plenty: what else grows on this
   * disk asks first. The reserve is given up for it, and made again when space has returned.
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

  /** A segment that nothing needs any more. */
  release({ epoch, size }: { readonly epoch: number; readonly size: number }): void {
    const { files, limits, onFault } = this.#options;
    const from = segmentName(epoch);
    if (this.#isClosed) return;
    const coming = this.#renamed + (this.#isCreating ? 1 : 0);
    const isEnough = this.#spares.length + coming >= limits.sparesMax;
    // A small one gives way to what a store of much needs, if there is room to make that.
    const isSmall = size < this.segmentBytes && this.fullness === 'ok';
    if (isEnough || isSmall) return this.#remove(from);
    const to = this.#nextName();
    this.#renamed += 1;
    const done = this.#counted((fault: FileFault | undefined) => {
      this.#renamed -= 1;
      if (fault !== undefined) return onFault(fault);
      this.#add({ name: to, size });
    });
    files.rename({ from, to }, done);
  }

  /** Begins nothing more. What was begun may not meet the files of a later life. */
  close(onClosed: () => void): void {
    this.#isClosed = true;
    this.#claims = [];
    if (this.#pending === 0) onClosed();
    else this.#onClosed = onClosed;
  }

  /** A segment may be larger than usual for a write that is. */
  #isMissing(): boolean {
    const isWanted = this.#wantedBytes > 0;
    if (isWanted && !this.#spares.some(({ size }) => size >= this.#wantedBytes)) return true;
    return this.#spares.length < this.#options.limits.sparesMin;
  }

  #looked(): void {
    if (this.#isClosed) return;
    this.#backOff();
    this.#serveClaims();
    this.replenish();
  }

  /** In their order: one that is large is not overtaken until there is nothing for it at all. */
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

  /** While there is plenty, and never so that there is not plenty any more. */
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
      // Another one may have come meanwhile.
      if (this.#isMissing()) this.#runShort();
    });
    files.create({ name: SPARE_NEW, size }, done);
  }

  #missed(size: number): void {
    this.#missedBytes = size;
    if (!this.#isClosed) this.#watch.look();
  }

  /** A fresh look tells of as much room as there was not: the next attempt waits. */
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

  /** Only what is durable to the last byte bears the name of a spare, also in a later life. */
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
      // What was removed may be the space that was missing.
      if (!this.#isClosed && (this.#isShort || this.#watch.level !== 'plenty' || this.#isBooting)) {
        this.#watch.look();
      }
    });
    files.remove(name, done);
  }

  /** For the callback of each call on files: `close` waits for all of them. */
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
