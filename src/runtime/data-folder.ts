/** The data folder of a node: identity file, last map, and the paths of log and state. */

import { join } from 'node:path';
import { DiskFiles } from '../storage/files/disk-files.ts';
import type { Files } from '../storage/files/files.ts';
import { type FolderLock, lockFolder } from '../storage/files/folder-lock.ts';
import { nestingOf } from '../storage/files/folder-nesting.ts';
import {
  makeFolder,
  readSmallFile,
  writeHint,
  writeSmallFile,
} from '../storage/files/small-file.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import { openState, type StateFolderOptions } from '../storage/state/state-folder.ts';
import { decodeIdentity, encodeIdentity, type StoredIdentity } from './identity-file.ts';

/** Delay before a map is written, to coalesce newer ones. */
const MAP_MILLISECONDS = 200;

/** The file that marks the folder as an old copy; it contains the reason. */
const BURNT = 'burnt';

/** The folder cannot be used; the message has the reason and the remedy. */
export class FolderUnusable extends Error {
  override readonly name = 'FolderUnusable';
  readonly code = 'folder-unusable';
  /** A retry with this folder cannot succeed. */
  readonly isFinal: boolean;

  constructor(text: string, { isFinal = false }: { readonly isFinal?: boolean } = {}) {
    super(text);
    this.isFinal = isFinal;
  }
}

/** Another process, or another store of this process, uses the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  readonly code = 'folder-in-use';

  constructor(path: string, holder: string) {
    super(`the folder ${path} is in use by ${holder}: one folder, one node. Nothing was changed`);
  }
}

/** Where a node keeps its identity, its last map, its log and its state. */
export interface NodeHome {
  /** For messages. */
  readonly path: string;
  readonly log: string;
  readonly state: string;
  /** Required before any other call. Throws `FolderInUse` if another owner holds the lock. */
  lock(): Promise<FolderLock>;
  openFiles(): Files;
  openState(options: Omit<StateFolderOptions, 'folder'>): Promise<StateDisk>;
  /** Undefined in a folder that no node has used. */
  readIdentity(): StoredIdentity | undefined;
  writeIdentity(stored: StoredIdentity): void;
  /**
   * Marks the folder as an old copy, so that no later start uses it. Returns the reason and the
   * remedy, which `readRefusal` returns from now on.
   */
  burn(cause: string): string;
  /** Undefined unless the folder was refused permanently. */
  readRefusal(): string | undefined;
  /** Empty without a map. */
  readMap(): Uint8Array;
  /** May be written later. */
  keepMap(bytes: Uint8Array): void;
  /** Resolves when no write is pending, so that the next owner's map is not overwritten. */
  settle(): Promise<void>;
}

export class DataFolder implements NodeHome {
  readonly path: string;
  /** The map to write next. */
  #map: Uint8Array | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Creates the folder if it does not exist. Nothing is written in it before it is locked. */
  constructor(path: string) {
    this.path = path;
    try {
      refuseNested(path);
      makeFolder(path);
    } catch (cause) {
      if (cause instanceof FolderUnusable) throw cause;
      throw new FolderUnusable(
        `the folder ${path} cannot be created or used: ${(cause as Error).message}. Nothing was ` +
          'changed. Use a path where this user can create a folder',
      );
    }
  }

  async lock(): Promise<FolderLock> {
    const { path } = this;
    let lock: Awaited<ReturnType<typeof lockFolder>>;
    try {
      lock = await lockFolder(path);
    } catch (cause) {
      throw new FolderUnusable(
        `the folder ${path} cannot be locked: ${(cause as Error).message}. Nothing was changed. ` +
          'Use a file system with locks (fcntl), write permission and free space',
      );
    }
    if (lock.type === 'taken') throw new FolderInUse(path, lock.holder);
    return lock;
  }

  get log(): string {
    return join(this.path, 'log');
  }

  get state(): string {
    return join(this.path, 'state');
  }

  openFiles(): Files {
    return new DiskFiles(this.log, [this.state]);
  }

  /** See `openState` for what it throws. */
  openState(options: Omit<StateFolderOptions, 'folder'>): Promise<StateDisk> {
    return openState({ ...options, folder: this.state });
  }

  readIdentity(): StoredIdentity | undefined {
    const path = join(this.path, 'identity');
    const bytes = readSmallFile(path);
    if (bytes === undefined) return undefined;
    const stored = bytes === 'damaged' ? undefined : decodeIdentity(bytes);
    if (stored !== undefined) return stored;
    throw new FolderUnusable(
      `the file ${path} is damaged, so the identity of this node is unknown. ` +
        'Nothing was changed. Restore an intact copy of it, or start with an empty folder: the ' +
        'node then joins as a new one',
    );
  }

  writeIdentity(stored: StoredIdentity): void {
    writeSmallFile(join(this.path, 'identity'), encodeIdentity(stored));
  }

  burn(cause: string): string {
    const text =
      `older-copy: the data folder ${this.path} is an old copy of this node's data; other ` +
      `nodes have seen a later start (${cause}). No data were lost: the other nodes have all ` +
      'acknowledged writes. The folder is marked and cannot be started again. Move it away, ' +
      'then start with an empty folder and --join: the node joins again as a new member';
    try {
      writeSmallFile(join(this.path, BURNT), new TextEncoder().encode(text));
    } catch {
      // Without the mark the other nodes refuse the next start again.
    }
    return text;
  }

  readRefusal(): string | undefined {
    const bytes = readSmallFile(join(this.path, BURNT));
    if (bytes === undefined) return undefined;
    if (bytes !== 'damaged') return new TextDecoder().decode(bytes);
    return `the data folder ${this.path} was refused as an old copy: start with an empty folder`;
  }

  /** Empty without a map. The map only has addresses of other nodes, so damage is ignored. */
  readMap(): Uint8Array {
    const bytes = readSmallFile(join(this.path, 'map'));
    return bytes === undefined || bytes === 'damaged' ? new Uint8Array() : bytes;
  }

  /** Written with a delay, as maps change in bursts; a failure only slows the next start. */
  keepMap(bytes: Uint8Array): void {
    const isPlanned = this.#map !== undefined;
    this.#map = bytes;
    if (!isPlanned) setTimeout(() => this.settle(), MAP_MILLISECONDS).unref();
  }

  settle(): Promise<void> {
    const bytes = this.#map;
    this.#map = undefined;
    if (bytes === undefined) return this.#writing;
    const write = () => writeHint(join(this.path, 'map'), bytes);
    this.#writing = this.#writing.then(write).catch(() => {});
    return this.#writing;
  }
}

/** A data folder inside another would be copied, moved and deleted together with it. */
function refuseNested(path: string): void {
  const why = nestingOf(path);
  if (why === undefined) return;
  throw new FolderUnusable(
    `${path} cannot be a data folder: it ${why}. Nothing was changed. Use a separate folder ` +
      'for each node, beside the others',
  );
}
