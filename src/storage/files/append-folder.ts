/** A folder of files that only grow at their ends, for records that must not be lost silently. */

import { constants, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder } from './small-file.ts';
import { errnoOf } from './system-errors.ts';

/**
 * Required: one owner, and one call at a time. A call that fails rejects with the error of the
 * system; the file may then have a part of what it should have.
 */
export interface AppendFolder {
  /** For messages. */
  readonly path: string;
  /** Creates the folder, and its missing parents, if it does not exist. */
  make(): void;
  /** The names of all files in it, sorted. */
  names(): readonly string[];
  /** The first bytes of a file, or all of them. */
  read(name: string, bytesMax?: number): Promise<Uint8Array>;
  size(name: string): Promise<number>;
  /** Opens a file at this length, and cuts what stands behind it; creates one that is missing. */
  open(name: string, length: number): Promise<AppendFile>;
  /** Resolves when the name is gone for good. */
  remove(name: string): Promise<void>;
}

export interface AppendFile {
  /** Bytes of the file. */
  readonly length: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was appended survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Readable by its owner alone. */
const MODE = 0o600;

/** A folder of the file system. */
export class DiskAppendFolder implements AppendFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  make(): void {
    makeFolder(this.path);
  }

  names(): readonly string[] {
    return readdirSync(this.path).sort();
  }

  async read(name: string, bytesMax?: number): Promise<Uint8Array> {
    const file = await open(join(this.path, name));
    try {
      if (bytesMax === undefined) return new Uint8Array(await file.readFile());
      const bytes = new Uint8Array(bytesMax);
      const { bytesRead } = await file.read(bytes, 0, bytesMax, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async size(name: string): Promise<number> {
    const file = await open(join(this.path, name));
    try {
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }

  async open(name: string, length: number): Promise<AppendFile> {
    const path = join(this.path, name);
    const { file, isNew } = await openOrCreate(path);
    try {
      if (!isNew) await file.truncate(length);
      if (isNew) await syncFolder(this.path);
    } catch (error) {
      await file.close();
      // An empty file would be taken for one whose lines were removed.
      if (isNew) rmSync(path, { force: true });
      throw error;
    }
    return new DiskAppendFile(file, isNew ? 0 : length);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true });
    await syncFolder(this.path);
  }
}

async function openOrCreate(path: string): Promise<{ file: FileHandle; isNew: boolean }> {
  try {
    return { file: await open(path, 'wx', MODE), isNew: true };
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // A link that another user has put there must not lead to a file of this one.
    return { file: await open(path, constants.O_RDWR | constants.O_NOFOLLOW), isNew: false };
  }
}

class DiskAppendFile implements AppendFile {
  readonly #file: FileHandle;
  length: number;

  constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.length = length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (from < bytes.length) {
      const left = bytes.length - from;
      const { bytesWritten } = await this.#file.write(bytes, from, left, this.length);
      from += bytesWritten;
      this.length += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
