/** The disk as a node sees it: reports come through a guard, and not to a node that is over. */

import type {
  FileDone,
  FileEntry,
  FileFault,
  FileRange,
  Files,
  FileWrite,
  SpaceDone,
} from '../storage/files/files.ts';
import type { DiskCursor, DiskView, StateDisk } from '../storage/state/state-disk.ts';

type Guard = (work: () => void) => void;

/**
 * A log that failed gives its files back while calls on others of them are on their way. In a
 * process that goes on, the number of a closed file may by then be that of somebody else's: so
 * nothing is closed before everything has been answered.
 */
export class GuardedFiles implements Files {
  readonly #files: Files;
  readonly #guard: Guard;
  #pending = 0;
  #isClosing = false;
  #onClosed: () => void = () => {};
  /** Resolves when the files are given back. */
  readonly closed: Promise<void>;

  constructor(files: Files, guard: Guard) {
    this.#files = files;
    this.#guard = guard;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  list(): readonly FileEntry[] | FileFault {
    return this.#files.list();
  }

  read(range: FileRange): Uint8Array | FileFault {
    return this.#files.read(range);
  }

  write(write: FileWrite, done: FileDone): void {
    this.#ask(done, (end) => this.#files.write(write, end));
  }

  create(file: FileEntry, done: FileDone): void {
    this.#ask(done, (end) => this.#files.create(file, end));
  }

  rename(names: { readonly from: string; readonly to: string }, done: FileDone): void {
    this.#ask(done, (end) => this.#files.rename(names, end));
  }

  remove(name: string, done: FileDone): void {
    this.#ask(done, (end) => this.#files.remove(name, end));
  }

  syncFolder(done: FileDone): void {
    this.#ask(done, (end) => this.#files.syncFolder(end));
  }

  space(done: SpaceDone): void {
    this.#ask(done, (end) => this.#files.space(end));
  }

  close(): void {
    this.#isClosing = true;
    this.#closeIfIdle();
  }

  #ask<Answer>(done: (answer: Answer) => void, ask: (end: (answer: Answer) => void) => void): void {
    this.#pending += 1;
    try {
      ask((answer) => {
        this.#pending -= 1;
        this.#guard(() => done(answer));
        if (this.#isClosing) this.#closeIfIdle();
      });
    } catch (error) {
      this.#pending -= 1;
      throw error;
    }
  }

  #closeIfIdle(): void {
    if (this.#pending > 0) return;
    this.#files.close();
    this.#onClosed();
  }
}

export function guardedDisk(disk: StateDisk, guard: Guard): StateDisk {
  return {
    name: disk.name,
    isBlank: disk.isBlank,
    get isShort() {
      return disk.isShort;
    },
    get: (key) => disk.get(key),
    getMany: (keys, done) => disk.getMany(keys, (values) => guard(() => done(values))),
    batch: () => {
      const batch = disk.batch();
      return {
        put: (key, value) => batch.put(key, value),
        delete: (key) => batch.delete(key),
        write: (done) => batch.write(() => guard(done)),
      };
    },
    view: () => watchedView(disk.view(), guard),
    tend: () => disk.tend(),
    compact: (done) => disk.compact(() => guard(done)),
    condense: (done) => disk.condense(() => guard(done)),
    close: (done) => disk.close(done),
  };
}

function watchedView(view: DiskView, guard: Guard): DiskView {
  return {
    get: (key) => view.get(key),
    cursor: (range) => {
      const cursor: DiskCursor = view.cursor(range);
      return {
        next: (limits, done) => cursor.next(limits, (rows) => guard(() => done(rows))),
        close: () => cursor.close(),
      };
    },
    close: () => view.close(),
  };
}
