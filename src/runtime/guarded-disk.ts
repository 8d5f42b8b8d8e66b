/** Wraps the disk of a node: completions pass the guard, and are dropped once the node ended. */

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
 * A failed log closes its files while calls on them may be in flight. In a process that continues,
 * a closed file descriptor may be reused for another file, so files are closed only after all calls
 * have completed.
 */
export class GuardedFiles implements Files {
  readonly #files: Files;
  readonly #guard: Guard;
  #pending = 0;
  #isClosing = false;
  #onClosed: () => void = () => {};
  /** Resolves when the files are closed. */
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
    isSealed: disk.isSealed,
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
    maintain: () => disk.maintain(),
    compact: (done) => disk.compact(() => guard(done)),
    flush: (done) => disk.flush(() => guard(done)),
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
