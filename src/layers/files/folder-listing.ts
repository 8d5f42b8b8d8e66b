/** The entries of a folder as callers see them: listed, and watched. */

import type { FileStat, FilesWatchEvent, FolderEntry, ReaddirOptions } from './files-api.ts';
import { invalid } from './options.ts';
import {
  below,
  entryKey,
  type FileRecords,
  lastPartOf,
  type StoredEntry,
  type StoredFolder,
  sizeOf,
  versionTextOf,
} from './records.ts';

/** A folder, or one of its names. */
export interface WatchedPlace {
  readonly folder: string;
  readonly name: string | undefined;
}

export function statOf(entry: StoredEntry): FileStat {
  const { type, id, createdAt } = entry;
  if (entry.type === 'folder')
    return { type, id, size: 0, createdAt, modifiedAt: createdAt, etag: '' };
  const { content, modifiedAt } = entry;
  return { type, id, size: sizeOf(content), createdAt, modifiedAt, etag: versionTextOf(content) };
}

/** All keys of the range have the tag of the folder, so one shard is asked. */
export async function* listFolder(
  { entries }: FileRecords,
  { id }: StoredFolder,
  { after, limit }: ReaddirOptions,
): AsyncGenerator<FolderEntry, void, undefined> {
  if (after !== undefined && typeof after !== 'string') throw invalid('after must be a name');
  // No name has the character NUL, which is behind the name and before all that begin with it.
  const from = after === undefined ? below(id) : `${entryKey(id, after)}\0`;
  const range = { from, to: `{${id}}0`, ...(limit === undefined ? {} : { limit }) };
  for await (const { key, value } of entries.scan(range)) yield entryOf(lastPartOf(key), value);
}

export async function* watchFolder(
  { entries }: FileRecords,
  { folder, name }: WatchedPlace,
  signal: AbortSignal | undefined,
): AsyncGenerator<FilesWatchEvent, void, undefined> {
  const what = name === undefined ? { prefix: below(folder) } : { key: entryKey(folder, name) };
  for await (const event of entries.watch({
    ...what,
    ...(signal === undefined ? {} : { signal }),
  })) {
    switch (event.type) {
      case 'set':
        yield { type: 'set', entry: entryOf(lastPartOf(event.key), event.value) };
        break;
      case 'delete':
      case 'expire':
        yield { type: 'removed', name: lastPartOf(event.key) };
        break;
      case 'synced':
        yield { type: 'synced' };
        break;
      case 'compacted':
        // With differences the removed names are told as well.
        if (!event.differences) yield { type: 'restarted' };
        break;
      case 'progress':
      case 'lagging':
        break;
    }
  }
}

function entryOf(name: string, entry: StoredEntry): FolderEntry {
  return { name, ...statOf(entry) };
}
