/** The twin of a folder of growing files: it loses what was not synced, and fails on request. */

import type { AppendFile, AppendFolder } from '../../../src/storage/files/append-folder.ts';

interface Stored {
  bytes: Uint8Array;
  /** Bytes that survive a power cut. */
  synced: number;
}

type Fault = 'append' | 'sync' | 'open';

export class MemoryAppendFolder implements AppendFolder {
  readonly path = 'memory';
  readonly #files = new Map<string, Stored>();
  /** Calls of these kinds fail. */
  readonly faults = new Set<Fault>();
  /** A failing append writes so much of its bytes. */
  partBytes = 0;
  /** Appends wait for it. */
  gate: Promise<void> | undefined;
  writes = 0;
  syncs = 0;

  make(): void {}

  names(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  read(name: string, bytesMax?: number): Promise<Uint8Array> {
    return Promise.resolve(this.#of(name).bytes.slice(0, bytesMax));
  }

  size(name: string): Promise<number> {
    return Promise.resolve(this.#of(name).bytes.length);
  }

  open(name: string, length: number): Promise<AppendFile> {
    if (this.faults.has('open')) return Promise.reject(failure('ENOSPC'));
    const stored = this.#files.get(name) ?? { bytes: new Uint8Array(0), synced: 0 };
    this.#files.set(name, stored);
    stored.bytes = stored.bytes.slice(0, length);
    stored.synced = Math.min(stored.synced, stored.bytes.length);
    return Promise.resolve(new MemoryAppendFile(this, stored));
  }

  remove(name: string): Promise<void> {
    this.#files.delete(name);
    return Promise.resolve();
  }

  /** What is there now, in the order of the names. */
  all(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
    return this.names().map((name) => ({ name, bytes: this.#of(name).bytes }));
  }

  put(name: string, bytes: Uint8Array): void {
    this.#files.set(name, { bytes, synced: bytes.length });
  }

  /** The power is cut: of what was not synced, so many bytes of each file are left. */
  cut(left = 0): void {
    for (const stored of this.#files.values()) {
      stored.bytes = stored.bytes.slice(0, stored.synced + left);
      stored.synced = stored.bytes.length;
    }
  }

  #of(name: string): Stored {
    const stored = this.#files.get(name);
    if (stored === undefined) throw failure('ENOENT');
    return stored;
  }
}

class MemoryAppendFile implements AppendFile {
  readonly #folder: MemoryAppendFolder;
  readonly #stored: Stored;

  constructor(folder: MemoryAppendFolder, stored: Stored) {
    this.#folder = folder;
    this.#stored = stored;
  }

  get length(): number {
    return this.#stored.bytes.length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#folder.gate;
    const isFailing = this.#folder.faults.has('append');
    const written = isFailing ? bytes.subarray(0, this.#folder.partBytes) : bytes;
    this.#stored.bytes = new Uint8Array(Buffer.concat([this.#stored.bytes, written]));
    if (isFailing) throw failure('ENOSPC');
    this.#folder.writes += 1;
  }

  sync(): Promise<void> {
    if (this.#folder.faults.has('sync')) return Promise.reject(failure('EIO'));
    this.#stored.synced = this.#stored.bytes.length;
    this.#folder.syncs += 1;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
