/**
 * The records of a file system and their keys, each kind in a space of its own:
 *
 *     version:format               that the records have another form than these; absent so far
 *     entry:{folder}/name          what a name is: a folder, or a file with its content
 *     trash:{folder}               a folder that was removed with what is in it
 *     content:{content}            how many names have the content
 *     writer:{content}             a content that is being written
 *     lease:{content}              exists as long as the process of its writer keeps its lease
 *     dead:{content}               a content that no name has any more
 *     hold:{content}               exists as long as a dead content is to be left alone
 *     piece:{content}/number       the hashes of up to 1024 chunks, one behind the other
 *     chunk:{hash}                 the bytes
 *     size:{hash}                  that the chunk exists, for those that do not want its bytes
 *     reference:{hash}/content     the content has the chunk
 *
 * The part in braces is a tag: the entries of a folder are in one shard, so are all records of a
 * content, and so is a chunk with its references. Chunks are spread over all shards.
 */

import { type Client, messagePack, bytes as raw, type Space } from '../../index.ts';

/** The content of a file. It never changes: another content has another identity. */
export type StoredContent =
  | { readonly type: 'inline'; readonly bytes: Uint8Array; readonly hash: Uint8Array }
  | {
      readonly type: 'chunked';
      readonly id: string;
      readonly size: number;
      readonly chunkBytes: number;
    };

export type ChunkedContent = Extract<StoredContent, { type: 'chunked' }>;

export interface StoredFolder {
  readonly type: 'folder';
  readonly id: string;
  readonly createdAt: number;
}

export interface StoredFile {
  readonly type: 'file';
  readonly id: string;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly content: StoredContent;
}

/** What a name is. A folder keeps its identity when it is renamed, so its entries stay. */
export type StoredEntry = StoredFolder | StoredFile;

/** Why a content has no name: its last one was taken away, or it never had one. */
interface StoredDeath {
  readonly reason: 'unlinked' | 'abandoned';
}

export interface FileRecords {
  readonly format: Space<number>;
  readonly entries: Space<StoredEntry>;
  readonly trash: Space<true>;
  readonly contents: Space<{ readonly names: number }>;
  readonly writers: Space<true>;
  readonly leases: Space<true>;
  readonly dead: Space<StoredDeath>;
  readonly holds: Space<true>;
  readonly pieces: Space<Uint8Array>;
  readonly chunks: Space<Uint8Array>;
  readonly sizes: Space<number>;
  readonly references: Space<true>;
}

export const ROOT: StoredFolder = { type: 'folder', id: 'root', createdAt: 0 };

/** A tag, which is the key of all records of which there is one. */
export const tagOf = (id: string): string => `{${id}}`;
export const entryKey = (folder: string, name: string): string => `{${folder}}/${name}`;
export const pieceKey = (content: string, number: number): string => `{${content}}/${number}`;
export const referenceKey = (hash: string, content: string): string => `{${hash}}/${content}`;
/** What all entries of a folder, pieces of a content or references to a chunk begin with. */
export const below = (id: string): string => `{${id}}/`;
/** What stands behind the tag: the name of an entry, the content of a reference. */
export const lastPartOf = (key: unknown): string => String(key).replace(/^\{[^}]*\}\/?/, '');
export const taggedIdOf = (key: unknown): string => String(key).slice(1, -1);

/** The spaces of one file system. The codecs are those of the records, not of the client. */
export function recordsOf(kv: Pick<Client, 'space'>, system: string): FileRecords {
  const home = kv.space<unknown>(`files:${system}`, { codec: messagePack, keys: 'text' });
  const rawSpace = (name: string) => home.space<Uint8Array>(name, { codec: raw });
  return {
    format: home.space('version'),
    entries: home.space('entry'),
    trash: home.space('trash'),
    contents: home.space('content'),
    writers: home.space('writer'),
    leases: home.space('lease'),
    dead: home.space('dead'),
    holds: home.space('hold'),
    pieces: rawSpace('piece'),
    chunks: rawSpace('chunk'),
    sizes: home.space('size'),
    references: home.space('reference'),
  };
}

export function sizeOf(content: StoredContent): number {
  return content.type === 'inline' ? content.bytes.length : content.size;
}

/** A text that differs for each content. */
export function versionTextOf(content: StoredContent): string {
  if (content.type === 'chunked') return content.id;
  return Buffer.from(content.hash).toString('hex');
}
