/** The port to a file system on the real one. */

import {
  close,
  closeSync,
  constants,
  fdatasync,
  fsync,
  linkSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rename,
  renameSync,
  statSync,
  unlink,
  unlinkSync,
  write,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Done, FileEntry, FileFault, FileRange, Files, FileWrite } from './files.ts';

const LOCK = 'lock';
const ZEROS = new Uint8Array(1024 * 1024);

/** With O_DSYNC a write is durable when it returns: one hop through the pool instead of two. */
const ONE_HOP = constants.O_DSYNC ?? 0;

type Operation = FileFault['operation'];

export class DiskFiles implements Files {
  readonly #folder: string;
  readonly #handles = new Map<string, number>();
  #isLocked = false;

  /** The folder is made if it is not there. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  lock(): string | undefined {
    const path = this.#path(LOCK);
    const own = `${process.pid} ${startOf(process.pid)}\n`;
    const holder = textOf(path);
    if (holder !== undefined && !isGone(holder)) return `process ${holder.split(' ')[0]}`;
    if (holder !== undefined && !takeAway(path, holder)) return 'a process that came first';
    try {
      writeFileSync(path, own, { flag: 'wx' });
    } catch (error) {
      return `somebody (${errnoOf(error)})`;
    }
    this.#isLocked = true;
    return undefined;
  }

  list(): readonly FileEntry[] | FileFault {
    try {
      return readdirSync(this.#folder)
        .filter((name) => !name.startsWith(LOCK))
        .map((name) => ({ name, size: statSync(this.#path(name)).size }));
    } catch (error) {
      return faultOf(error, { operation: 'list', name: '.' });
    }
  }

  read({ name, offset, length }: FileRange): Uint8Array | FileFault {
    try {
      const bytes = new Uint8Array(length);
      const handle = this.#handle(name);
      let at = 0;
      while (at < length) {
        const read = readSync(handle, bytes, at, length - at, offset + at);
        if (read === 0) break;
        at += read;
      }
      return at === length ? bytes : bytes.subarray(0, at);
    } catch (error) {
      return faultOf(error, { operation: 'read', name, offset });
    }
  }

  write({ name, offset, bytes }: FileWrite, done: Done): void {
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

  create({ name, size }: FileEntry, done: Done): void {
    this.#forget(name);
    const end = (error: unknown) => done(asFault(error, { operation: 'create', name }));
    open(this.#path(name), 'w+', (error, handle) => {
      if (error !== null) return end(error);
      const finish = (cause: NodeJS.ErrnoException | null) => {
        close(handle, (failure) => {
          if (cause === null) return end(failure);
          // What is half made takes the very space that there was too little of.
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

  rename({ from, to }: { readonly from: string; readonly to: string }, done: Done): void {
    this.#forget(from);
    this.#forget(to);
    rename(this.#path(from), this.#path(to), (error) => {
      done(asFault(error, { operation: 'rename', name: from }));
    });
  }

  remove(name: string, done: Done): void {
    this.#forget(name);
    unlink(this.#path(name), (error) => done(asFault(error, { operation: 'remove', name })));
  }

  syncFolder(done: Done): void {
    const end = (error: unknown) => done(asFault(error, { operation: 'sync-folder', name: '.' }));
    open(this.#folder, 'r', (error, handle) => {
      if (error !== null) return end(error);
      fsync(handle, (cause) => close(handle, (failure) => end(cause ?? failure)));
    });
  }

  close(): void {
    for (const name of [...this.#handles.keys()]) this.#forget(name);
    if (this.#isLocked) unlinkSync(this.#path(LOCK));
    this.#isLocked = false;
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

function errnoOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  return String(error);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * When a process began, so that a later one of the same number is told from it. A process that was
 * killed keeps its number until its parent has collected it, which the first process of a container
 * may never do; it holds no file any more. Linux only.
 */
function startOf(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`) ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '0');
}

/** The process that wrote this lock has ended. */
function isGone(holder: string): boolean {
  const [pid = 0, start = ''] = holder.trim().split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return true;
  }
  return startOf(Number(pid)) !== start;
}

/** Removes a dead process's lock; of two that try, one may, and a living one's is put back. */
function takeAway(path: string, holder: string): boolean {
  const aside = `${path}-${process.pid}`;
  try {
    renameSync(path, aside);
    const isTheSame = textOf(aside) === holder;
    if (!isTheSame) linkSync(aside, path);
    unlinkSync(aside);
    return isTheSame;
  } catch {
    return false;
  }
}
