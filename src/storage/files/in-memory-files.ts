/**
 * The file system port in memory, for a store that leaves nothing on disk. A file takes memory
 * where it was written, so spares and reserves of the log take none.
 */

import type {
  FileDone,
  FileEntry,
  FileFault,
  FileRange,
  Files,
  FileWrite,
  SpaceDone,
} from './files.ts';

interface InMemoryFilesOptions {
  /** Runs a report later, never within the call. */
  readonly schedule: (report: () => void) => void;
  /** The content of a file that gets this name is useless, and takes no memory any more. */
  readonly isBlank: (name: string) => boolean;
}

const PAGE_BYTES = 64 * 1024;
/** There is no disk to run out of: memory is bounded by the process. */
const FREE_BYTES = 2 ** 50;

/** Outlives `close`: the next owner finds what was written. */
export class InMemoryFiles implements Files {
  readonly #options: InMemoryFilesOptions;
  readonly #files = new Map<string, SparseFile>();

  constructor(options: InMemoryFilesOptions) {
    this.#options = options;
  }

  list(): readonly FileEntry[] {
    return [...this.#files].map(([name, { size }]) => ({ name, size }));
  }

  read({ name, offset, length }: FileRange): Uint8Array | FileFault {
    const file = this.#files.get(name);
    return file === undefined ? missing('read', name, offset) : file.read(offset, length);
  }

  write({ name, offset, bytes }: FileWrite, done: FileDone): void {
    const file = this.#files.get(name);
    file?.write(offset, bytes);
    const fault = file === undefined ? missing('write', name, offset) : undefined;
    this.#options.schedule(() => done(fault));
  }

  create({ name, size }: FileEntry, done: FileDone): void {
    this.#files.set(name, new SparseFile(size));
    this.#options.schedule(() => done(undefined));
  }

  rename({ from, to }: { readonly from: string; readonly to: string }, done: FileDone): void {
    const file = this.#files.get(from);
    if (file !== undefined) {
      this.#files.delete(from);
      this.#files.set(to, this.#options.isBlank(to) ? new SparseFile(file.size) : file);
    }
    const fault = file === undefined ? missing('rename', from) : undefined;
    this.#options.schedule(() => done(fault));
  }

  remove(name: string, done: FileDone): void {
    const fault = this.#files.delete(name) ? undefined : missing('remove', name);
    this.#options.schedule(() => done(fault));
  }

  syncFolder(done: FileDone): void {
    this.#options.schedule(() => done(undefined));
  }

  space(done: SpaceDone): void {
    this.#options.schedule(() => done(FREE_BYTES));
  }

  close(): void {}

  /** The memory that the files take. */
  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/** Zeros where nothing was written. */
class SparseFile {
  size: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(size: number) {
    this.size = size;
  }

  get bytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(this.size, offset + length);
    const found = new Uint8Array(Math.max(0, end - offset));
    for (const { page, from, at, count } of piecesOf(offset, found.length)) {
      const bytes = this.#pages.get(page);
      if (bytes !== undefined) found.set(bytes.subarray(from, from + count), at);
    }
    return found;
  }

  write(offset: number, written: Uint8Array): void {
    this.size = Math.max(this.size, offset + written.length);
    for (const { page, from, at, count } of piecesOf(offset, written.length)) {
      let bytes = this.#pages.get(page);
      if (bytes === undefined) {
        bytes = new Uint8Array(PAGE_BYTES);
        this.#pages.set(page, bytes);
      }
      bytes.set(written.subarray(at, at + count), from);
    }
  }
}

interface Piece {
  readonly page: number;
  /** In the page. */
  readonly from: number;
  /** In the whole. */
  readonly at: number;
  readonly count: number;
}

function piecesOf(offset: number, length: number): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < length; ) {
    const from = (offset + at) % PAGE_BYTES;
    const count = Math.min(length - at, PAGE_BYTES - from);
    pieces.push({ page: Math.floor((offset + at) / PAGE_BYTES), from, at, count });
    at += count;
  }
  return pieces;
}

function missing(operation: FileFault['operation'], name: string, offset = 0): FileFault {
  return { type: 'fault', operation, name, offset, errno: 'ENOENT' };
}
