/** A file system on the public calls of the store: names in a tree, contents in chunks. */

import { Readable, type Writable } from 'node:stream';
import type { Client } from '../../index.ts';
import { ChunkStore } from './chunk-store.ts';
import { Collector } from './collector.ts';
import { type ContentRange, readContent, readHashes } from './content-reader.ts';
import { ContentWriter, inlineOf, notLinked } from './content-writer.ts';
import { streamInto } from './file-stream.ts';
import type {
  CollectOptions,
  FileData,
  FileReadOptions,
  FileStat,
  FileSystem,
  FilesCollected,
  FilesOptions,
  FilesWatchOptions,
  FileWriteOptions,
  FolderEntry,
  MkdirOptions,
  ReaddirOptions,
  RmOptions,
} from './files-api.ts';
import { FilesError } from './files-error.ts';
import { listFolder, statOf, watchFolder } from './folder-listing.ts';
import { FILES_LIMITS } from './limits.ts';
import {
  type FilesTerms,
  filesTermsOf,
  flagOf,
  invalid,
  isBytes,
  only,
  wholeOf,
} from './options.ts';
import { type FilePath, failureOf, pathOf } from './paths.ts';
import { type FileRecords, recordsOf, type StoredContent, sizeOf } from './records.ts';
import { type FoundFile, type LinkTerms, Tree } from './tree.ts';
import { WriterLease } from './writer-lease.ts';

/**
 * Opens a file system in a cluster, or in an embedded store; it needs no set-up, and any number of
 * processes may have it open.
 *
 * @example
 * ```ts
 * import { openFiles } from 'ringkv/files';
 * const fs = await openFiles(kv, { chunkBytes: 1_048_576 });
 * await fs.writeFile('/greeting.txt', 'hello');
 * ```
 */
export async function openFiles(
  kv: Pick<Client, 'space' | 'lease'>,
  options: FilesOptions = {},
): Promise<FileSystem> {
  const terms = filesTermsOf(kv, options);
  const records = recordsOf(kv, terms.system);
  await checkFormat(records);
  return new StoredFileSystem(records, new WriterLease(kv, terms.writerTtl), terms);
}

/** Of the records. A later one will be written down, so that this version refuses to read it. */
const FORMAT = 1;

async function checkFormat({ format }: FileRecords): Promise<void> {
  const stored = await format.get('format');
  if (stored === undefined || stored.value === FORMAT) return;
  const known = `this version of ringkv knows ${FORMAT}`;
  throw invalid(`the file system has format ${stored.value}; ${known}, so use a newer one`);
}

class StoredFileSystem implements FileSystem {
  readonly #records: FileRecords;
  readonly #lease: WriterLease;
  readonly #terms: FilesTerms;
  readonly #chunks: ChunkStore;
  readonly #tree: Tree;
  readonly #collector: Collector;

  constructor(records: FileRecords, lease: WriterLease, terms: FilesTerms) {
    this.#records = records;
    this.#lease = lease;
    this.#terms = terms;
    this.#chunks = new ChunkStore(records);
    this.#tree = new Tree(records, terms);
    const [chunks, tree] = [this.#chunks, this.#tree];
    this.#collector = new Collector({ records, chunks, tree, lease });
  }

  async writeFile(path: string, data: FileData, options: FileWriteOptions = {}): Promise<void> {
    const to = pathOf(path, 'writeFile');
    const terms = linkTermsOf(options);
    const whole = typeof data === 'string' || isBytes(data) ? bytesOf(data) : undefined;
    if (whole !== undefined && whole.length <= FILES_LIMITS.inlineBytesMax) {
      await this.#tree.link(to, inlineOf(whole), terms);
      return;
    }
    if (
      whole === undefined &&
      typeof (data as AsyncIterable<unknown>)?.[Symbol.asyncIterator] !== 'function'
    ) {
      throw invalid('data must be a text, a Uint8Array, or an async iterable of them');
    }
    await this.#tree.checkLink(to, terms);
    await this.#linked(to, terms, this.#terms.chunkBytes, async (writer) => {
      if (whole !== undefined) return writer.write(whole);
      for await (const part of data as AsyncIterable<string | Uint8Array>) {
        await writer.write(bytesOf(part));
      }
    });
  }

  async readFile(path: string): Promise<Uint8Array> {
    const from = pathOf(path, 'readFile');
    for (let attempts = 1; ; attempts++) {
      const { file } = present(await this.#tree.fileAt(from), from);
      try {
        return await this.#readAll(from, file.content);
      } catch (error) {
        // It was replaced and collected: the next version is read, from its beginning.
        if (!isStale(error) || attempts === FILES_LIMITS.attemptsMax) throw error;
      }
    }
  }

  createReadStream(path: string, options: FileReadOptions = {}): Readable {
    const from = pathOf(path, 'createReadStream');
    const range = rangeOf(options);
    return Readable.from(this.#read(from, range), { objectMode: false });
  }

  createWriteStream(path: string, options: FileWriteOptions = {}): Writable {
    const to = pathOf(path, 'createWriteStream');
    const terms = linkTermsOf(options);
    const writer = this.#writer(to, this.#terms.chunkBytes);
    return streamInto(writer, {
      begin: () => this.#tree.checkLink(to, terms),
      link: async (content) => void (await this.#tree.link(to, content, terms)),
      failure: (error) => notLinked(error, to),
    });
  }

  async append(path: string, data: string | Uint8Array): Promise<void> {
    const to = pathOf(path, 'append');
    if (typeof data !== 'string' && !isBytes(data)) {
      throw invalid('append takes a text or a Uint8Array; writeFile and streams take more');
    }
    const bytes = Uint8Array.from(bytesOf(data));
    const { appendBytesMax } = FILES_LIMITS;
    if (bytes.length > appendBytesMax) {
      const what = `append was given ${bytes.length} bytes; the limit is ${appendBytesMax}`;
      throw failureOf('EFBIG', to, what);
    }
    await this.#changed(to, async (writer, content) => {
      if (content !== undefined) await this.#keep(writer, content, sizeOf(content), to);
      await writer.write(bytes);
    });
  }

  async truncate(path: string, size = 0): Promise<void> {
    const to = pathOf(path, 'truncate');
    wholeOf(size, 'size', 0, Number.MAX_SAFE_INTEGER);
    await this.#changed(to, async (writer, content) => {
      if (content === undefined) throw failureOf('ENOENT', to);
      writer.checkSize(size);
      const kept = Math.min(size, sizeOf(content));
      await this.#keep(writer, content, kept, to);
      const zeros = new Uint8Array(Math.min(size - kept, this.#terms.chunkBytes));
      for (let left = size - kept; left > 0; left -= Math.min(left, zeros.length)) {
        await writer.write(zeros.subarray(0, left));
      }
    });
  }

  async stat(path: string): Promise<FileStat> {
    return statOf(await this.#tree.entryAt(pathOf(path, 'stat')));
  }

  async mkdir(path: string, options: MkdirOptions = {}): Promise<void> {
    const { recursive } = only(options, ['recursive']);
    const at = pathOf(path, 'mkdir');
    await this.#tree.makeFolder(at, { recursive: flagOf(recursive, 'recursive') });
  }

  async *readdir(path: string, options: ReaddirOptions = {}): AsyncGenerator<FolderEntry, void> {
    const at = pathOf(path, 'readdir');
    const terms = only(options, ['after', 'limit']);
    const folder = await this.#tree.folderAt(at);
    yield* listFolder(this.#records, folder, terms);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#tree.rename(pathOf(from, 'rename'), pathOf(to, 'rename'));
  }

  async rm(path: string, options: RmOptions = {}): Promise<void> {
    const { recursive, force } = only(options, ['recursive', 'force']);
    await this.#tree.remove(pathOf(path, 'rm'), {
      recursive: flagOf(recursive, 'recursive'),
      force: flagOf(force, 'force'),
    });
  }

  async copy(from: string, to: string, options: FileWriteOptions = {}): Promise<void> {
    await this.#tree.copy(pathOf(from, 'copy'), pathOf(to, 'copy'), linkTermsOf(options));
  }

  async *watch(path: string, options: FilesWatchOptions = {}) {
    const at = pathOf(path, 'watch');
    const { signal } = only(options, ['signal']);
    const place = await this.#tree.watchedAt(at);
    yield* watchFolder(this.#records, place, signal);
  }

  async collect(options: CollectOptions = {}): Promise<FilesCollected> {
    const { everything } = only(options, ['everything', 'signal']);
    flagOf(everything, 'everything');
    return this.#collector.collect(options);
  }

  close(): Promise<void> {
    return this.#lease.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #writer(path: FilePath, chunkBytes: number): ContentWriter {
    const [records, chunks, lease] = [this.#records, this.#chunks, this.#lease];
    return new ContentWriter({ records, chunks, lease, chunkBytes, path });
  }

  async *#read(path: FilePath, range: ContentRange): AsyncGenerator<Uint8Array, void> {
    const { file } = present(await this.#tree.fileAt(path), path);
    const [records, chunks] = [this.#records, this.#chunks];
    yield* readContent(file.content, range, { records, chunks, path });
  }

  async #readAll(path: FilePath, content: StoredContent): Promise<Uint8Array> {
    const size = sizeOf(content);
    const { readBytesMax } = FILES_LIMITS;
    if (size > readBytesMax) {
      throw failureOf('EFBIG', path, `the file is ${size} bytes; the limit is ${readBytesMax}`);
    }
    const bytes = new Uint8Array(size);
    const [records, chunks] = [this.#records, this.#chunks];
    let at = 0;
    const range = { start: 0, end: size };
    for await (const part of readContent(content, range, { records, chunks, path })) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Writes a content and gives it to a name. False if the name has changed. */
  async #linked(
    path: FilePath,
    terms: LinkTerms,
    chunkBytes: number,
    fill: (writer: ContentWriter) => Promise<void>,
  ): Promise<boolean> {
    const writer = this.#writer(path, chunkBytes);
    let content: StoredContent;
    try {
      await fill(writer);
      content = await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw notLinked(error, path);
    }
    let isLinked = false;
    try {
      isLinked = await this.#tree.link(path, content, terms);
      return isLinked;
    } finally {
      // Where the outcome is not known, one of both takes effect.
      if (!isLinked) await writer.abandon();
    }
  }

  /** Makes another content of the one that a file has, until no other client changes it first. */
  async #changed(
    path: FilePath,
    change: (writer: ContentWriter, content: StoredContent | undefined) => Promise<void>,
  ): Promise<void> {
    for (let attempts = 1; attempts <= FILES_LIMITS.attemptsMax; attempts++) {
      const found = await this.#tree.fileAt(path);
      const content = found?.file.content;
      const chunkBytes = content?.type === 'chunked' ? content.chunkBytes : this.#terms.chunkBytes;
      const terms = { isNew: false, ifVersion: found?.version ?? 0 };
      try {
        const fill = (writer: ContentWriter) => change(writer, content);
        if (await this.#linked(path, terms, chunkBytes, fill)) return;
      } catch (error) {
        // Its chunks were collected, so the file was replaced.
        if (!isStale(error)) throw error;
      }
    }
    throw failureOf('EBUSY', path);
  }

  /** The first bytes of a content: whole chunks by reference, the rest by value. */
  async #keep(writer: ContentWriter, content: StoredContent, size: number, path: FilePath) {
    const [records, chunks] = [this.#records, this.#chunks];
    let start = 0;
    if (content.type === 'chunked') {
      const whole = Math.floor(size / content.chunkBytes);
      for await (const hashes of readHashes(content, whole, { records, chunks, path })) {
        await writer.adopt(hashes);
      }
      start = whole * content.chunkBytes;
    }
    const range = { start, end: size };
    for await (const part of readContent(content, range, { records, chunks, path })) {
      await writer.write(part);
    }
  }
}

function present(found: FoundFile | undefined, path: FilePath): FoundFile {
  if (found === undefined) throw failureOf('ENOENT', path);
  return found;
}

function linkTermsOf(options: FileWriteOptions): LinkTerms {
  const { exclusive } = only(options, ['exclusive']);
  return { isNew: flagOf(exclusive, 'exclusive') };
}

/** Of the streams of Node the end is the last byte; here it is behind it. */
function rangeOf(options: FileReadOptions): ContentRange {
  const { start = 0, end = Number.MAX_SAFE_INTEGER - 1 } = only(options, ['start', 'end']);
  const max = Number.MAX_SAFE_INTEGER - 1;
  return { start: wholeOf(start, 'start', 0, max), end: wholeOf(end, 'end', 0, max) + 1 };
}

const encoder = new TextEncoder();

function bytesOf(data: string | Uint8Array): Uint8Array {
  if (typeof data === 'string') return encoder.encode(data);
  if (isBytes(data)) return data;
  throw invalid('a part of data must be a text or a Uint8Array');
}

function isStale(error: unknown): boolean {
  return error instanceof FilesError && error.code === 'ESTALE';
}
