/** Writes the two copies of the hard states alternately, one write at a time. */

import type { FileFault, Files } from '../files/files.ts';
import { encodeHardStates, HARD_STATE_FILES, type HardStates } from './hard-state.ts';

interface HardStateWriterOptions {
  readonly files: Files;
  /** The content of each copy; undefined for an unreadable one. */
  readonly copies: readonly (HardStates | undefined)[];
  readonly onFault: (fault: FileFault) => void;
}

export class HardStateWriter {
  readonly #options: HardStateWriterOptions;
  readonly #copies: (HardStates | undefined)[];
  #sequence: number;
  #isBusy = false;
  #waiting: (() => void) | undefined;

  constructor(options: HardStateWriterOptions) {
    this.#options = options;
    this.#copies = [...options.copies];
    this.#sequence = Math.max(0, ...this.#copies.map((copy) => copy?.sequence ?? 0));
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The oldest segment that either copy needs: one of the copies may be lost. */
  get oldest(): number {
    return Math.min(...this.#copies.map((copy) => copy?.oldest ?? 0));
  }

  /** Calls back when no write is in flight. Only one caller can wait. */
  whenIdle(go: () => void): void {
    if (this.#isBusy) this.#waiting = go;
    else go();
  }

  /** Replaces the older copy; the newer one stays intact meanwhile. */
  write(hardStates: Omit<HardStates, 'sequence'>, done: () => void): void {
    const at = this.#older();
    this.#sequence += 1;
    const copy = { ...hardStates, sequence: this.#sequence };
    this.#isBusy = true;
    const write = { name: HARD_STATE_FILES[at], offset: 0, bytes: encodeHardStates(copy) };
    this.#options.files.write(write, (fault) => {
      this.#isBusy = false;
      if (fault !== undefined) return this.#options.onFault(fault);
      this.#copies[at] = copy;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      done();
      waiting?.();
    });
  }

  #older(): 0 | 1 {
    const [one, other] = this.#copies;
    return (one?.sequence ?? -1) <= (other?.sequence ?? -1) ? 0 : 1;
  }
}
