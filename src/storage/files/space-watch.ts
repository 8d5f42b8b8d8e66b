/**
 * What the disk has left, for log and state store together: looked at seldom while there is plenty,
 * often while there is not. Nothing is found out by filling the disk.
 */

import type { LogLimits } from '../../base/limits.ts';
import type { Files } from './files.ts';

/**
 * - `plenty`;
 * - `low`: nothing that grows should be begun;
 * - `full`: what is left is for what makes room, and for log and state to stay in order.
 */
type SpaceLevel = 'plenty' | 'low' | 'full';

interface SpaceWatchOptions {
  readonly files: Pick<Files, 'space'>;
  readonly limits: LogLimits;
  /** Something was found out. */
  readonly onLook: () => void;
}

const LOOK_MILLISECONDS_MIN = 100;
const LOOK_MILLISECONDS_MAX = 5000;
const LOOK_LOW_MILLISECONDS = 500;
/** Of what this life has written: LevelDB may have to write as much again, and merge it. */
const LOW_FACTOR = 1.5;
const FULL_FACTOR = 1 / 8;
/** Faster than a disk is filled: a look comes before what is left above the bound can be gone. */
const FILLED_BYTES_PER_MILLISECOND = 1024 * 1024;
/** Space has returned when there is a quarter more than the bound: no flapping at it. */
const RETURN_FACTOR = 1.25;

export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #free: number | undefined;
  #takenBytes = 0;
  #level: SpaceLevel = 'plenty';
  #dueAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  /** Something changed since the look that is under way began. */
  #isWanted = false;
  #now = 0;
  /** By this life: a store that is written much needs more room to stay in order. */
  writtenBytes = 0;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  get level(): SpaceLevel {
    return this.#level;
  }

  /** At the last look, less what was taken since; undefined before the first. */
  get freeBytes(): number | undefined {
    return this.#free === undefined ? undefined : Math.max(0, this.#free - this.#takenBytes);
  }

  /** This node itself is about to take so much: no look is waited for to know that. */
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

  /** To be called again and again. */
  tick(now: number): void {
    this.#now = now;
    if (now >= this.#dueAt) this.look();
  }

  /** Looks now; once more if that is asked for while a look is under way. */
  look(): void {
    this.#isWanted = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#options.files.space((found) => {
      this.#isLooking = false;
      // A system that does not tell is asked by trying.
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
