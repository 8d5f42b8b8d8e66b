/** The files of the log on the real file system, with faults that a test switches on and off. */

import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import type {
  FileDone,
  FileEntry,
  FileFault,
  FileRange,
  Files,
  FileWrite,
  SpaceDone,
} from '../../src/storage/files/files.ts';

export class FaultyFiles implements Files {
  readonly #files: DiskFiles;
  /** What fails, and how; `throws` is a defect of the program instead of the disk. */
  fault: { readonly operation: FileFault['operation']; readonly errno: string } | undefined;
  throws = false;
  /** Closed during a call: a closed descriptor may belong to another file by then. */
  closedTooSoon = false;
  #pending = 0;

  constructor(folder: string) {
    this.#files = new DiskFiles(folder);
  }

  list(): readonly FileEntry[] | FileFault {
    return this.#files.list();
  }

  read(range: FileRange): Uint8Array | FileFault {
    return this.#files.read(range);
  }

  write(write: FileWrite, done: FileDone): void {
    if (this.throws) throw new Error('a planted fault of the program');
    if (!this.#refuses('write', write.name, done)) this.#files.write(write, this.#count(done));
  }

  create(file: FileEntry, done: FileDone): void {
    if (!this.#refuses('create', file.name, done)) this.#files.create(file, this.#count(done));
  }

  rename(names: { readonly from: string; readonly to: string }, done: FileDone): void {
    this.#files.rename(names, this.#count(done));
  }

  remove(name: string, done: FileDone): void {
    this.#files.remove(name, this.#count(done));
  }

  syncFolder(done: FileDone): void {
    this.#files.syncFolder(this.#count(done));
  }

  space(done: SpaceDone): void {
    this.#files.space(this.#count(done));
  }

  close(): void {
    if (this.#pending > 0) this.closedTooSoon = true;
    this.#files.close();
  }

  #count<Answer>(done: (answer: Answer) => void): (answer: Answer) => void {
    this.#pending += 1;
    return (answer) => {
      this.#pending -= 1;
      done(answer);
    };
  }

  #refuses(operation: FileFault['operation'], name: string, done: FileDone): boolean {
    const { fault } = this;
    if (fault?.operation !== operation) return false;
    setImmediate(() => done({ type: 'fault', ...fault, name, offset: 0 }));
    return true;
  }
}
