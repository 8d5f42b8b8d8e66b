/** Files that reserve disk space, removed one by one for the state store on a full disk. */

import type { FileDone, FileEntry, Files } from '../files/files.ts';
import type { LogLimits } from '../limits.ts';
import { reserveName } from './log-folder.ts';

interface LogReserveOptions {
  readonly files: Pick<Files, 'create'>;
  readonly limits: LogLimits;
  readonly found: readonly FileEntry[];
  /** Removes a file and checks the free space afterwards. */
  readonly remove: (name: string) => void;
}

/** What the state store may need for its own log, relative to the bytes written since the start. */
const WRITTEN_FACTOR = 1.25;

export class LogReserve {
  readonly #options: LogReserveOptions;
  readonly #pieces: FileEntry[];
  #isGrowing = false;
  #number: number;

  constructor(options: LogReserveOptions) {
    this.#options = options;
    this.#pieces = [...options.found];
    const numbers = options.found.map(({ name }) => Number.parseInt(name.slice(-8), 16));
    this.#number = Math.max(0, ...numbers);
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get bytes(): number {
    return this.#pieces.reduce((sum, { size }) => sum + size, 0);
  }

  /** The size of the next file; 0 if the reserve suffices for the bytes written since the start. */
  missing(writtenBytes: number): number {
    const { reserveBytesMax, reservePieceBytes } = this.#options.limits;
    if (this.#isGrowing || this.bytes >= this.#target(writtenBytes)) return 0;
    return Math.min(reservePieceBytes, reserveBytesMax);
  }

  /** Removes what a former incarnation needed for the bytes that it wrote. */
  trim(writtenBytes: number): void {
    const target = this.#target(writtenBytes);
    for (let last = this.#pieces.at(-1); last !== undefined; last = this.#pieces.at(-1)) {
      if (this.bytes - last.size < target) return;
      this.#pieces.pop();
      this.#options.remove(last.name);
    }
  }

  #target(writtenBytes: number): number {
    const { reserveBytesMax, reservePieceBytes } = this.#options.limits;
    const wanted = Math.max(reservePieceBytes, WRITTEN_FACTOR * writtenBytes);
    return Math.min(wanted, reserveBytesMax);
  }

  grow(size: number, done: FileDone): void {
    this.#isGrowing = true;
    this.#number += 1;
    const piece = { name: reserveName(this.#number), size };
    this.#options.files.create(piece, (fault) => {
      this.#isGrowing = false;
      if (fault === undefined) this.#pieces.push(piece);
      done(fault);
    });
  }

  /** Removes files of at least so many bytes, or all of them. */
  giveUp(bytes: number): void {
    let left = bytes;
    for (let piece = this.#pieces.pop(); piece !== undefined; piece = this.#pieces.pop()) {
      this.#options.remove(piece.name);
      left -= piece.size;
      if (left <= 0) return;
    }
  }
}
