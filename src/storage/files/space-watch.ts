/**
 * Watches the free space of the disk, for log and state store together: rarely while there is
 * plenty, often while there is not. The disk is never filled to find out.
 */

import type { LogLimits } from '../limits.ts';
import type { Files } from './files.ts';

/**
 * - `plenty`;
 * - `low`: nothing that grows should begin;
 * - `full`: the rest is for operations that free space, and for the consistency of log and state.
 */
type SpaceLevel = 'plenty' | 'low' | 'full';

interface SpaceWatchOptions {
  readonly files: Pick<Files, 'space'>;
  readonly limits: LogLimits;
  /** A check is complete. */
  readonly onLook: () => void;
}

const LOOK_MILLISECONDS_MIN = 100;
const LOOK_MILLISECONDS_MAX = 5000;
const LOOK_LOW_MILLISECONDS = 500;
/** Relative to the bytes written since the start: LevelDB may have to write and compact as much. */
const LOW_FACTOR = 1.5;
const FULL_FACTOR = 1 / 8;
/**
 * No disk is filled faster than this: a check comes before the space above the threshold is used.
 */
const FILLED_BYTES_PER_MILLISECOND = 1024 * 1024;
/** Space has returned at a quarter above the threshold, which prevents flapping. */
const RETURN_FACTOR = 1.25;

export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #free: number | undefined;
  #takenBytes = 0;
  #level: SpaceLevel = 'plenty';
  #dueAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  /** Something changed since the check in progress began. */
  #isWanted = false;
  #now = 0;
  /** Bytes written since the start: a store that is written more needs more free space. */
  writtenBytes = 0;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  get level(): SpaceLevel {
    return this.#level;
  }

  /** As of the last check, less what was taken since; undefined before the first. */
  get freeBytes(): number | undefined {
    return this.#free === undefined ? undefined : Math.max(0, this.#free - this.#takenBytes);
  }

  /** This node is about to use this much, which counts without waiting for a check. */
  take(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#free !== undefined) this.#level = this.#levelAt(this.#free - this.#takenBytes);
  }

  /** Below this the disk is full. */
  get fullBytes(): number {
    const { fullBytesMin, fullBytesMax } = this.#options.limits;
    return Math.min(Math.max(fullBytesMin, FULL_FACTOR * this.writtenBytes), fullBytesMax);
  }

  get lowBytes(): number {
    const { lowBytesMin, lowBytesMax } = this.#options.limits;
    return Math.min(Math.max(lowBytesMin, LOW_FACTOR * this.writtenBytes), lowBytesMax);
  }

  /** To be called regularly. */
  tick(now: number): void {
    this.#now = now;
    if (now >= this.#dueAt) this.look();
  }

  /** Checks now; once more if requested during a check. */
  look(): void {
    this.#isWanted = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#options.files.space((found) => {
      this.#isLooking = false;
      // If the system does not report free space, plenty is assumed.
      this.#found(typeof found === 'number' ? found : Number.POSITIVE_INFINITY);
      if (this.#isWanted) return this.look();
      this.#options.onLook();
    });
  }

  #found(free: number): void {
    this.#free = free;
    this.#takenBytes = 0;
    this.#level = this.#levelAt(free);
    const margin = (free - this.lowBytes) / FILLED_BYTES_PER_MILLISECOND;
    const wait = Math.min(Math.max(margin, LOOK_MILLISECONDS_MIN), LOOK_MILLISECONDS_MAX);
    this.#dueAt = this.#now + (this.#level === 'plenty' ? wait : LOOK_LOW_MILLISECONDS);
  }

  #levelAt(free: number): SpaceLevel {
    const { fullBytes, lowBytes } = this;
    const wasLow = this.#level !== 'plenty';
    if (free < fullBytes * (this.#level === 'full' ? RETURN_FACTOR : 1)) return 'full';
    return free < lowBytes * (wasLow ? RETURN_FACTOR : 1) ? 'low' : 'plenty';
  }
}
