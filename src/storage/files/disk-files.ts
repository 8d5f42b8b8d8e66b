/** The port to a file system on the real file system. */

import {
  close,
  closeSync,
  constants,
  fdatasync,
  fsync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  rename,
  statfs,
  statSync,
  unlink,
  write,
} from 'node:fs';
import { join } from 'node:path';
import type {
  FileDone,
  FileEntry,
  FileFault,
  FileRange,
  Files,
  FilesReader,
  FileWrite,
  SpaceDone,
} from './files.ts';
import { errnoOf } from './system-errors.ts';

const ZEROS = new Uint8Array(1024 * 1024);

/**
 * With O_DSYNC a write is durable when it returns: one trip through the thread pool instead of two.
 */
const ONE_HOP = constants.O_DSYNC ?? 0;

type Operation = FileFault['operation'];

export class DiskFiles implements Files {
  readonly #folder: string;
  readonly #beside: readonly string[];
  readonly #handles = new Map<string, number>();

  /** The folder is created if it does not exist. `beside`: folders that may be on another disk. */
  constructor(folder: string, beside: readonly string[] = []) {
    this.#folder = folder;
    this.#beside = beside;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  list(): readonly FileEntry[] | FileFault {
    return listFolder(this.#folder);
  }

  read(range: FileRange): Uint8Array | FileFault {
    try {
      return readRange(this.#handle(range.name), range);
    } catch (error) {
      return faultOf(error, { operation: 'read', name: range.name, offset: range.offset });
    }
  }

  write({ name, offset, bytes }: FileWrite, done: FileDone): void {
    let handle: number;
    try {
      handle = this.#handle(name);
    } catch (error) {
      const fault = faultOf(error, { operation: 'write', name, offset });
      setImmediate(() => done(fault));
      return;
    }
    const end = (error: unknown) => done(asFault(error, { operation: 'write', name, offset }));
    const go = (from: number) => {
      write(handle, bytes, from, bytes.length - from, offset + from, (error, written) => {
        if (error !== null) return end(error);
        if (from + written < bytes.length) return go(from + written);
        if (ONE_HOP !== 0) return end(null);
        fdatasync(handle, end);
      });
    };
    go(0);
  }

  create({ name, size }: FileEntry, done: FileDone): void {
    this.#forget(name);
    const end = (error: unknown) => done(asFault(error, { operation: 'create', name }));
    open(this.#path(name), 'w+', 0o600, (error, handle) => {
      if (error !== null) return end(error);
      const finish = (cause: NodeJS.ErrnoException | null) => {
        close(handle, (failure) => {
          if (cause === null) return end(failure);
          // An incomplete file would occupy the space that is short.
          unlink(this.#path(name), () => end(cause));
        });
      };
      const fill = (at: number) => {
        if (at >= size) return fsync(handle, finish);
        const length = Math.min(ZEROS.length, size - at);
        write(handle, ZEROS, 0, length, at, (failure, written) => {
          if (failure !== null) return finish(failure);
          fill(at + written);
        });
      };
      fill(0);
    });
  }

  rename({ from, to }: { readonly from: string; readonly to: string }, done: FileDone): void {
    this.#forget(from);
    this.#forget(to);
    rename(this.#path(from), this.#path(to), (error) => {
      done(asFault(error, { operation: 'rename', name: from }));
    });
  }

  remove(name: string, done: FileDone): void {
    this.#forget(name);
    unlink(this.#path(name), (error) => done(asFault(error, { operation: 'remove', name })));
  }

  syncFolder(done: FileDone): void {
    const end = (error: unknown) => done(asFault(error, { operation: 'sync-folder', name: '..' }));
    open(this.#folder, 'r', (error, handle) => {
      if (error !== null) return end(error);
      fsync(handle, (cause) => close(handle, (failure) => end(cause ?? failure)));
    });
  }

  /** The minimum of all disks involved. */
  space(done: SpaceDone): void {
    const look = (folders: readonly string[], least: number) => {
      const [folder, ...others] = folders;
      if (folder === undefined) return done(least);
      statfs(folder, (error, found) => {
        // A folder that does not exist yet will be on the disk of the log folder.
        if (error?.code === 'ENOENT' && folder !== this.#folder) return look(others, least);
        if (error !== null) return done(faultOf(error, { operation: 'space', name: '..' }));
        look(others, Math.min(least, found.bavail * found.bsize));
      });
    };
    look([this.#folder, ...this.#beside], Number.POSITIVE_INFINITY);
  }

  close(): void {
    for (const name of [...this.#handles.keys()]) this.#forget(name);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #handle(name: string): number {
    const known = this.#handles.get(name);
    if (known !== undefined) return known;
    const handle = openSync(this.#path(name), constants.O_RDWR | ONE_HOP);
    this.#handles.set(name, handle);
    return handle;
  }

  #forget(name: string): void {
    const handle = this.#handles.get(name);
    if (handle === undefined) return;
    this.#handles.delete(name);
    closeSync(handle);
  }
}

/** The folder is not created, and its files are opened for reading only. */
export function readOnlyFiles(folder: string): FilesReader {
  return {
    list: () => listFolder(folder),
    read: (range) => {
      let handle: number | undefined;
      try {
        handle = openSync(join(folder, range.name), 'r');
        return readRange(handle, range);
      } catch (error) {
        return faultOf(error, { operation: 'read', name: range.name, offset: range.offset });
      } finally {
        if (handle !== undefined) closeSync(handle);
      }
    },
  };
}

function listFolder(folder: string): readonly FileEntry[] | FileFault {
  try {
    return readdirSync(folder).map((name) => ({ name, size: statSync(join(folder, name)).size }));
  } catch (error) {
    return faultOf(error, { operation: 'list', name: '..' });
  }
}

function readRange(handle: number, { offset, length }: FileRange): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const read = readSync(handle, bytes, at, length - at, offset + at);
    if (read === 0) break;
    at += read;
  }
  return at === length ? bytes : bytes.subarray(0, at);
}

function faultOf(
  error: unknown,
  where: { readonly operation: Operation; readonly name: string; readonly offset?: number },
): FileFault {
  return { type: 'fault', offset: 0, errno: errnoOf(error), ...where };
}

function asFault(
  error: unknown,
  where: { readonly operation: Operation; readonly name: string; readonly offset?: number },
): FileFault | undefined {
  return error === null || error === undefined ? undefined : faultOf(error, where);
}
