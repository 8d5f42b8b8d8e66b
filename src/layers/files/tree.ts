/**
 * The tree of names. Each call is one transaction that reads its whole path, so no folder of it is
 * renamed or removed meanwhile, and calls take effect in some order, one behind the other.
 */

import { randomBytes } from 'node:crypto';
import type { Entry, Transaction } from '../../index.ts';
import type { WatchedPlace } from './folder-listing.ts';
import { type FilePath, failureOf } from './paths.ts';
import {
  below,
  entryKey,
  type FileRecords,
  ROOT,
  type StoredContent,
  type StoredEntry,
  type StoredFile,
  type StoredFolder,
  tagOf,
} from './records.ts';

/** A name in a folder, and what it is; the root has no name. */
interface Place {
  /** The folders on the path, the root first; the last one has the name. */
  readonly folders: readonly StoredFolder[];
  readonly key: string;
  readonly entry: Entry<StoredEntry> | undefined;
}

export interface LinkTerms {
  /** The file must not exist. */
  readonly isNew: boolean;
  /** The version of the name must be this one, 0 if it does not exist; any by default. */
  readonly ifVersion?: number;
}

export interface FoundFile {
  readonly file: StoredFile;
  readonly version: number;
}

export class Tree {
  readonly #records: FileRecords;
  readonly #retain: number;

  constructor(records: FileRecords, options: { readonly retain: number }) {
    this.#records = records;
    this.#retain = options.retain;
  }

  async entryAt(path: FilePath): Promise<StoredEntry> {
    if (path.names.length === 0) return ROOT;
    return this.#run(async (tx) => existing(await placeAt(tx, path), path).value);
  }

  /** Undefined if it does not exist; its folder does. */
  async fileAt(path: FilePath): Promise<FoundFile | undefined> {
    return this.#run(async (tx) => {
      const { entry } = await placeAt(tx, path);
      return entry && { file: fileOf(entry, path), version: entry.version };
    });
  }

  async folderAt(path: FilePath): Promise<StoredFolder> {
    return folderOf(await this.entryAt(path), path);
  }

  /** A folder, or the name of a file in its folder. */
  async watchedAt(path: FilePath): Promise<WatchedPlace> {
    if (path.names.length === 0) return { folder: ROOT.id, name: undefined };
    return this.#run(async (tx) => {
      const place = await placeAt(tx, path);
      const { value } = existing(place, path);
      if (value.type === 'folder') return { folder: value.id, name: undefined };
      return { folder: (place.folders.at(-1) ?? ROOT).id, name: path.names.at(-1) };
    });
  }

  /** Whether a file may be written here: so that a caller learns of a mistake before it writes. */
  async checkLink(path: FilePath, terms: LinkTerms): Promise<void> {
    await this.#run(async (tx) => checkReplaced(await placeAt(tx, path), path, terms));
  }

  /** Gives a name a content. False if the version of the name is another one. */
  async link(path: FilePath, content: StoredContent, terms: LinkTerms): Promise<boolean> {
    return this.#run(async (tx) => {
      const place = await placeAt(tx, path);
      checkReplaced(place, path, terms);
      const { entry, key } = place;
      if (terms.ifVersion !== undefined && (entry?.version ?? 0) !== terms.ifVersion) return false;
      await this.#adopt(tx, content, path);
      const former = entry && fileOf(entry, path);
      if (former !== undefined) await this.#unlink(tx, former.content);
      tx.set(key, renewed(former, content));
      return true;
    });
  }

  async makeFolder(path: FilePath, { recursive }: { readonly recursive: boolean }): Promise<void> {
    await this.#run(async (tx) => {
      let folder: StoredFolder = ROOT;
      for (const [at, name] of path.names.entries()) {
        const key = entryKey(folder.id, name);
        const isLast = at === path.names.length - 1;
        const entry = await tx.get(key);
        if (entry !== undefined && isLast && !recursive) throw failureOf('EEXIST', path);
        if (entry === undefined && !isLast && !recursive) throw failureOf('ENOENT', path);
        const made: StoredFolder = { type: 'folder', id: newId(), createdAt: Date.now() };
        if (entry === undefined) tx.set(key, made);
        folder = entry === undefined ? made : folderOf(entry.value, path);
      }
      if (path.names.length === 0 && !recursive) throw failureOf('EEXIST', path);
    });
  }

  async rename(from: FilePath, to: FilePath): Promise<void> {
    if (from.names.length === 0) throw failureOf('EINVAL', from, 'the root cannot be renamed');
    await this.#run(async (tx) => {
      const [source, target] = [await placeAt(tx, from), await placeAt(tx, to)];
      const moved = existing(source, from).value;
      if (source.key === target.key) return;
      if (moved.type === 'folder' && target.folders.some(({ id }) => id === moved.id)) {
        throw failureOf('EINVAL', to, 'a folder cannot be moved into itself');
      }
      if (target.entry !== undefined) await this.#replace(tx, target.entry.value, moved, to);
      tx.delete(source.key).set(target.key, moved);
    });
  }

  /** The name gets the content of a file; no byte of it is read. */
  async copy(from: FilePath, to: FilePath, terms: LinkTerms): Promise<void> {
    await this.#run(async (tx) => {
      const { content } = fileOf(existing(await placeAt(tx, from), from), from);
      const target = await placeAt(tx, to);
      checkReplaced(target, to, terms);
      const former = target.entry && fileOf(target.entry, to);
      if (former !== undefined && target.entry !== undefined && sameContent(former, content))
        return;
      if (content.type === 'chunked') {
        const contents = tx.in(this.#records.contents);
        const names = (await contents.get(tagOf(content.id)))?.value.names ?? 1;
        contents.set(tagOf(content.id), { names: names + 1 });
      }
      if (former !== undefined) await this.#unlink(tx, former.content);
      tx.set(target.key, renewed(former, content));
    });
  }

  /** Takes a name away, with all that is below it. Frees nothing: a collection does. */
  async remove(
    path: FilePath,
    { recursive, force }: { readonly recursive: boolean; readonly force: boolean },
  ): Promise<void> {
    await this.#run(async (tx) => {
      if (path.names.length === 0) throw failureOf('EINVAL', path, 'the root cannot be removed');
      const { entry, key } = await placeAt(tx, path);
      if (entry === undefined && force) return;
      const removed = existing({ entry }, path).value;
      if (removed.type === 'folder' && !recursive) await this.#checkEmpty(tx, removed, path);
      await this.bury(tx, key, removed);
    });
  }

  /** Takes an entry away; what was below a folder has no path any more. */
  async bury(tx: Transaction<StoredEntry>, key: string, entry: StoredEntry): Promise<void> {
    tx.delete(key);
    if (entry.type === 'folder') tx.in(this.#records.trash).set(tagOf(entry.id), true);
    else await this.#unlink(tx, entry.content);
  }

  #run<T>(work: (tx: Transaction<StoredEntry>) => Promise<T>): Promise<T> {
    return this.#records.entries.transaction(work);
  }

  /** A content is linked once, and only while its writer record exists. */
  async #adopt(tx: Transaction<StoredEntry>, content: StoredContent, path: FilePath) {
    if (content.type === 'inline') return;
    const { writers, leases, contents } = this.#records;
    const key = tagOf(content.id);
    if ((await tx.in(writers).get(key)) === undefined) {
      throw failureOf('ESTALE', path, 'the lease of the writer has ended');
    }
    tx.in(writers).delete(key);
    tx.in(leases).delete(key);
    tx.in(contents).set(key, { names: 1 });
  }

  async #unlink(tx: Transaction<StoredEntry>, content: StoredContent): Promise<void> {
    if (content.type === 'inline') return;
    const { contents, dead, holds } = this.#records;
    const key = tagOf(content.id);
    const inContents = tx.in(contents);
    const names = (await inContents.get(key))?.value.names ?? 1;
    if (names > 1) {
      inContents.set(key, { names: names - 1 });
      return;
    }
    inContents.delete(key);
    tx.in(dead).set(key, { reason: 'unlinked' });
    if (this.#retain > 0) tx.in(holds).set(key, true, { ttl: this.#retain });
  }

  /** As `rename` of POSIX: a file replaces a file, a folder an empty folder. */
  async #replace(
    tx: Transaction<StoredEntry>,
    replaced: StoredEntry,
    moved: StoredEntry,
    path: FilePath,
  ): Promise<void> {
    if (replaced.type === 'file') {
      if (moved.type === 'folder') throw failureOf('ENOTDIR', path);
      await this.#unlink(tx, replaced.content);
      return;
    }
    if (moved.type === 'file') throw failureOf('EISDIR', path);
    await this.#checkEmpty(tx, replaced, path);
  }

  async #checkEmpty(tx: Transaction<StoredEntry>, { id }: StoredFolder, path: FilePath) {
    for await (const _ of tx.scan({ prefix: below(id), limit: 1, keysOnly: true })) {
      throw failureOf('ENOTEMPTY', path);
    }
  }
}

async function placeAt(tx: Transaction<StoredEntry>, path: FilePath): Promise<Place> {
  const names = [...path.names];
  const name = names.pop();
  if (name === undefined) throw failureOf('EISDIR', path);
  const folders = [ROOT];
  for (const above of names) {
    const entry = await tx.get(entryKey((folders.at(-1) ?? ROOT).id, above));
    if (entry === undefined) throw failureOf('ENOENT', path);
    folders.push(folderOf(entry.value, path));
  }
  const key = entryKey((folders.at(-1) ?? ROOT).id, name);
  return { folders, key, entry: await tx.get(key) };
}

function existing({ entry }: Pick<Place, 'entry'>, path: FilePath): Entry<StoredEntry> {
  if (entry === undefined) throw failureOf('ENOENT', path);
  return entry;
}

function fileOf({ value }: { readonly value: StoredEntry }, path: FilePath): StoredFile {
  if (value.type === 'folder') throw failureOf('EISDIR', path);
  return value;
}

function folderOf(entry: StoredEntry, path: FilePath): StoredFolder {
  if (entry.type === 'file') throw failureOf('ENOTDIR', path);
  return entry;
}

function checkReplaced({ entry }: Place, path: FilePath, { isNew }: LinkTerms): void {
  if (entry === undefined) return;
  if (isNew) throw failureOf('EEXIST', path);
  fileOf(entry, path);
}

function sameContent({ content }: StoredFile, other: StoredContent): boolean {
  return content.type === 'chunked' && other.type === 'chunked' && content.id === other.id;
}

function renewed(former: StoredFile | undefined, content: StoredContent): StoredFile {
  const modifiedAt = Date.now();
  const born = former ?? { id: newId(), createdAt: modifiedAt };
  return { type: 'file', id: born.id, createdAt: born.createdAt, modifiedAt, content };
}

function newId(): string {
  return randomBytes(12).toString('hex');
}
