/** Segments in reserve: made ahead, taken by the log, given back when they are done with. */

import type { FileEntry, FileFault, Files } from './files.ts';
import type { Fullness } from './log.ts';
import { SPARE_NEW, spareName, spareNumberOf } from './log-folder.ts';
import { segmentName } from './log-segment.ts';

interface LogSpaceOptions {
  readonly files: Files;
  readonly segmentBytes: number;
  readonly sparesMin: number;
  readonly sparesMax: number;
  readonly found: readonly FileEntry[];
  readonly onFault: (fault: FileFault) => void;
  /** There is a spare that was not there before. */
  readonly onSpare: () => void;
  /** A spare could not be made. */
  readonly onShort: () => void;
}

/**
 * Space is short when a spare cannot be made. That is seen while the segment in use and at least
 * one spare still have room: enough to go on with what frees segments.
 */
export class LogSpace {
  readonly #options: LogSpaceOptions;
  readonly #spares: string[] = [];
  readonly #misfits: string[] = [];
  #number = 0;
  #isCreating = false;
  #isShort = false;
  #isClosed = false;
  /** Calls on files that are not answered yet. */
  #pending = 0;
  /** Segments on their way to become spares. */
  #renamed = 0;
  #onClosed: (() => void) | undefined;

  constructor(options: LogSpaceOptions) {
    this.#options = options;
    for (const { name, size } of options.found) {
      this.#number = Math.max(this.#number, spareNumberOf(name));
      const isFit = size === options.segmentBytes && this.#spares.length < options.sparesMax;
      (isFit ? this.#spares : this.#misfits).push(name);
    }
  }

  get fullness(): Fullness {
    return this.#isShort ? 'read-only' : 'ok';
  }

  get spares(): number {
    return this.#spares.length;
  }

  /** The name of a spare that is the caller's now. */
  take(): string | undefined {
    return this.#spares.shift();
  }

  /** Makes what is missing, one at a time. After a failure only `retry` makes another attempt. */
  tend(): void {
    if (this.#isShort) return;
    const misfit = this.#misfits.pop();
    if (misfit !== undefined) this.#remove(misfit);
    this.#create();
  }

  retry(): void {
    if (this.#isShort) this.#create();
    else this.tend();
  }

  /** A segment that nothing needs any more. */
  release(epoch: number): void {
    const { files, sparesMax, onFault } = this.#options;
    const from = segmentName(epoch);
    if (this.#isClosed) return;
    if (this.#spares.length + this.#renamed >= sparesMax) return this.#remove(from);
    const to = this.#nextName();
    this.#pending += 1;
    this.#renamed += 1;
    files.rename({ from, to }, (fault) => {
      this.#renamed -= 1;
      if (fault !== undefined) return onFault(fault);
      this.#add(to);
      this.#settle();
    });
  }

  /** Begins nothing more. What was begun may not meet the files of a later life. */
  close(onClosed: () => void): void {
    this.#isClosed = true;
    if (this.#pending === 0) onClosed();
    else this.#onClosed = onClosed;
  }

  #settle(): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#onClosed?.();
  }

  #create(): void {
    const { files, segmentBytes, sparesMin, onFault } = this.#options;
    if (this.#isCreating || this.#isClosed || this.#spares.length >= sparesMin) return;
    this.#isCreating = true;
    this.#pending += 1;
    files.create({ name: SPARE_NEW, size: segmentBytes }, (fault) => {
      if (fault === undefined) return this.#name();
      this.#isCreating = false;
      if (fault.errno !== 'ENOSPC' && fault.errno !== 'EDQUOT') return onFault(fault);
      // Another one may have come meanwhile.
      this.#isShort = this.#spares.length < sparesMin;
      if (this.#isShort) this.#options.onShort();
      this.#settle();
    });
  }

  /** Only what is durable to the last byte bears the name of a spare, also in a later life. */
  #name(): void {
    const { files, onFault } = this.#options;
    const to = this.#nextName();
    files.rename({ from: SPARE_NEW, to }, (fault) => {
      this.#isCreating = false;
      if (fault !== undefined) return onFault(fault);
      this.#add(to);
      this.tend();
      this.#settle();
    });
  }

  #add(name: string): void {
    this.#spares.push(name);
    if (this.#spares.length >= this.#options.sparesMin) this.#isShort = false;
    this.#options.onSpare();
  }

  #remove(name: string): void {
    const { files, onFault } = this.#options;
    this.#pending += 1;
    files.remove(name, (fault) => {
      if (fault !== undefined) return onFault(fault);
      // What was removed may be the space that was missing.
      if (!this.#isClosed) this.retry();
      this.#settle();
    });
  }

  #nextName(): string {
    this.#number += 1;
    return spareName(this.#number);
  }
}
