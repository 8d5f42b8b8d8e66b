/** What a file system of `ringkv/files` promises. */

import type { Readable, Writable } from 'node:stream';

/** Options of `openFiles`. */
export interface FilesOptions {
  /**
   * The name of the file system, 1 to 128 characters without braces; `main` by default. Those of
   * different names share nothing.
   */
  readonly name?: string;
  /**
   * The size of the chunks of files that are written from now on, 1024 to 1,048,576; 262,144 by
   * default. Each file keeps the size that it was written with.
   */
  readonly chunkBytes?: number;
  /**
   * Milliseconds for which removed and replaced contents are kept for their readers, up to 20 days;
   * 600,000 by default. A reader that takes longer may fail with `ESTALE`.
   */
  readonly retain?: number;
  /**
   * Milliseconds, 1000 to 3,600,000, after which the unfinished files of a process that died are
   * garbage; 30,000 by default.
   */
  readonly writerTtl?: number;
}

/** What is written: a text as UTF-8, bytes, or a stream of both. */
export type FileData = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** Options of `writeFile`, `createWriteStream` and `copy`. */
export interface FileWriteOptions {
  /** The file must not exist: `EEXIST` if it does. */
  readonly exclusive?: boolean;
}

/** Options of `createReadStream`. */
export interface FileReadOptions {
  /** The first byte, 0 by default. */
  readonly start?: number;
  /** The last byte, included as in `node:fs`; the last one of the file by default. */
  readonly end?: number;
}

/** What a name is. */
export interface FileStat {
  /** A file, or a folder. */
  readonly type: 'file' | 'folder';
  /** An identity that stays when it is renamed. */
  readonly id: string;
  /** The size in bytes; 0 for a folder. */
  readonly size: number;
  /** When the name was first written, in milliseconds of the clock of that client. */
  readonly createdAt: number;
  /** When the content was last written; for a folder as `createdAt`. */
  readonly modifiedAt: number;
  /** A text that changes with the content of a file, for ETags; empty for a folder. */
  readonly etag: string;
}

/** An entry of a folder. */
export interface FolderEntry extends FileStat {
  /** Its name in the folder. */
  readonly name: string;
}

/** Options of `readdir`. */
export interface ReaddirOptions {
  /** Names behind this one, in the order of their UTF-8 bytes: to continue a listing. */
  readonly after?: string;
  /** The number of entries after which the listing ends. */
  readonly limit?: number;
}

/** Options of `mkdir`. */
export interface MkdirOptions {
  /** Makes the missing folders above it as well; no failure if it exists. */
  readonly recursive?: boolean;
}

/** Options of `rm`. */
export interface RmOptions {
  /** Removes a folder with all that is in it. */
  readonly recursive?: boolean;
  /** No failure if it does not exist. */
  readonly force?: boolean;
}

/** Options of `watch`. */
export interface FilesWatchOptions {
  /** Ends the loop: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** What `watch` tells. */
export type FilesWatchEvent =
  /** An entry exists, or was created or changed. */
  | { readonly type: 'set'; readonly entry: FolderEntry }
  /** A name is gone: it was removed or renamed. */
  | { readonly type: 'removed'; readonly name: string }
  /** Changes were lost: all is told again through the next `synced`; what is not, is gone. */
  | { readonly type: 'restarted' }
  /** All that existed when the watch began was told. */
  | { readonly type: 'synced' };

/** Options of `collect`. */
export interface CollectOptions {
  /** Frees removed and replaced contents at once, although readers may still need them. */
  readonly everything?: boolean;
  /** Ends the collection early; the next one continues it. */
  readonly signal?: AbortSignal;
}

/** What a collection has freed. */
export interface FilesCollected {
  /** Contents that no name had. */
  readonly contents: number;
  /** Chunks that no content had any more. */
  readonly chunks: number;
  /** The bytes of these chunks. */
  readonly bytes: number;
}

/**
 * A file system in a cluster. Paths are absolute, `/folder/file`. Each call takes effect at one
 * moment or not at all, and calls of all clients have one order. Failures are `FilesError`s with
 * the codes of `node:fs`, or `KvError`s of the store; no failure leaves a part of a file.
 *
 * @example
 * ```ts
 * import { openFiles } from 'ringkv/files';
 * await using fs = await openFiles(kv);
 * await fs.mkdir('/reports');
 * await fs.writeFile('/reports/today.txt', 'all is well');
 * for await (const { name, size } of fs.readdir('/reports')) console.log(name, size);
 * ```
 */
export interface FileSystem extends AsyncDisposable {
  /**
   * Writes a file: it appears, or is replaced, as a whole when the promise resolves. Do not change
   * the bytes before that.
   *
   * @example
   * ```ts
   * await fs.writeFile('/notes.txt', 'hello', { exclusive: true });
   * ```
   */
  writeFile(path: string, data: FileData, options?: FileWriteOptions): Promise<void>;
  /**
   * Reads a file of up to 1 GiB: the version at the time of the call, or a later one.
   *
   * @example
   * ```ts
   * const text = new TextDecoder().decode(await fs.readFile('/notes.txt'));
   * ```
   */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Reads a file, or a range of it, as a stream of Node: all of it of one version. Only the chunks
   * of the range are read. Fails with `ESTALE` if the version was collected meanwhile.
   *
   * @example
   * ```ts
   * fs.createReadStream('/film.mp4', { start: 1_000_000, end: 1_999_999 }).pipe(process.stdout);
   * ```
   */
  createReadStream(path: string, options?: FileReadOptions): Readable;
  /**
   * Writes a file as a stream of Node: the file appears when the stream has finished. One that is
   * destroyed before that leaves nothing.
   *
   * @example
   * ```ts
   * import { pipeline } from 'node:stream/promises';
   * await pipeline(process.stdin, fs.createWriteStream('/input.bin'));
   * ```
   */
  createWriteStream(path: string, options?: FileWriteOptions): Writable;
  /**
   * Appends up to 64 MiB to a file, which is created if it does not exist. Bytes of several callers
   * come one behind the other. Costs a reference for each chunk of the file; the last chunk is
   * written anew.
   *
   * @example
   * ```ts
   * await fs.append('/log.txt', 'started\n');
   * ```
   */
  append(path: string, data: string | Uint8Array): Promise<void>;
  /**
   * Makes a file this long: cut, or extended by zeros.
   *
   * @example
   * ```ts
   * await fs.truncate('/log.txt', 0);
   * ```
   */
  truncate(path: string, size?: number): Promise<void>;
  /**
   * What a path is.
   *
   * @example
   * ```ts
   * const { type, size } = await fs.stat('/notes.txt');
   * ```
   */
  stat(path: string): Promise<FileStat>;
  /**
   * Makes a folder.
   *
   * @example
   * ```ts
   * await fs.mkdir('/reports/2026/11', { recursive: true });
   * ```
   */
  mkdir(path: string, options?: MkdirOptions): Promise<void>;
  /**
   * Lists a folder in the order of the names, page by page: an entry that is created or removed
   * meanwhile may be listed or not.
   *
   * @example
   * ```ts
   * for await (const { name } of fs.readdir('/reports', { after: 'm', limit: 100 })) {
   *   console.log(name);
   * }
   * ```
   */
  readdir(path: string, options?: ReaddirOptions): AsyncIterable<FolderEntry>;
  /**
   * Renames a file or a folder, whatever is in it, and replaces a file or an empty folder there.
   *
   * @example
   * ```ts
   * await fs.rename('/reports', '/archive');
   * ```
   */
  rename(from: string, to: string): Promise<void>;
  /**
   * Removes a file, an empty folder, or with `recursive` a folder with all that is in it, at one
   * moment. Space is freed by `collect`.
   *
   * @example
   * ```ts
   * await fs.rm('/archive', { recursive: true, force: true });
   * ```
   */
  rm(path: string, options?: RmOptions): Promise<void>;
  /**
   * Copies a file without reading it: both names share the content until one is written.
   *
   * @example
   * ```ts
   * await fs.copy('/notes.txt', '/notes-of-today.txt');
   * ```
   */
  copy(from: string, to: string, options?: FileWriteOptions): Promise<void>;
  /**
   * Watches a file, or the entries of a folder but not those of folders in it: first what exists,
   * then each change, until the loop is left. A folder that is renamed is still watched.
   *
   * @example
   * ```ts
   * for await (const event of fs.watch('/inbox')) {
   *   if (event.type === 'set') console.log(event.entry.name, event.entry.size);
   *   if (event.type === 'removed') console.log(event.name, 'is gone');
   * }
   * ```
   */
  watch(path: string, options?: FilesWatchOptions): AsyncIterable<FilesWatchEvent>;
  /**
   * Frees the space of what was removed, replaced or never finished. Call it from time to time, in
   * one process or in several.
   *
   * @example
   * ```ts
   * const { bytes } = await fs.collect();
   * console.log(`${bytes} bytes freed`);
   * ```
   */
  collect(options?: CollectOptions): Promise<FilesCollected>;
  /**
   * Ends the lease of this opener: its unfinished files are garbage. Calls that only read, and the
   * client, are not affected. Safe to call twice.
   *
   * @example
   * ```ts
   * await fs.close();
   * ```
   */
  close(): Promise<void>;
  /**
   * Closes it at the end of the block.
   *
   * @example
   * ```ts
   * import { openFiles } from 'ringkv/files';
   * await using fs = await openFiles(kv);
   * ```
   */
  [Symbol.asyncDispose](): Promise<void>;
}
