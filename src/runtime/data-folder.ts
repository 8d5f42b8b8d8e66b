/** The data folder of a node: its identity file, its last map, and where log and state lie. */

import { join } from 'node:path';
import { type FolderLock, lockFolder } from '../storage/files/folder-lock.ts';
import { nestingOf } from '../storage/files/folder-nesting.ts';
import {
  makeFolder,
  readSmallFile,
  writeHint,
  writeSmallFile,
} from '../storage/files/small-file.ts';
import { decodeIdentity, encodeIdentity, type StoredIdentity } from './identity-file.ts';

/** How long a map waits for newer ones before it is written. */
const MAP_MILLISECONDS = 200;

/** The file that marks an old copy; it holds what there is to say. */
const BURNT = 'burnt';

/** The folder cannot be used as it is; the text says what to do. */
export class FolderUnusable extends Error {
  override readonly name = 'FolderUnusable';
  readonly code = 'folder-unusable';
  /** No later start with this folder will end otherwise. */
  readonly isFinal: boolean;

  constructor(text: string, { isFinal = false }: { readonly isFinal?: boolean } = {}) {
    super(text);
    this.isFinal = isFinal;
  }
}

/** Another process, or another store of this one, has the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  readonly code = 'folder-in-use';

  constructor(path: string, holder: string) {
    super(`the folder ${path} is in use by ${holder}: one folder, one node. Nothing was changed`);
  }
}

export class DataFolder {
  readonly path: string;
  /** Waits to be written. */
  #map: Uint8Array | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** The folder is made if it is not there. Nothing is written in it before it is locked. */
  constructor(path: string) {
    this.path = path;
    try {
      refuseNested(path);
      makeFolder(path);
    } catch (cause) {
      if (cause instanceof FolderUnusable) throw cause;
      throw new FolderUnusable(
        `the folder ${path} cannot be made or used: ${(cause as Error).message}. Nothing was ` +
          'changed. Give it a path where this user may make a folder',
      );
    }
  }

  /** Required before anything else is asked of it. Throws `FolderInUse` if another has it. */
  async lock(): Promise<FolderLock> {
    const { path } = this;
    let lock: Awaited<ReturnType<typeof lockFolder>>;
    try {
      lock = await lockFolder(path);
    } catch (cause) {
      throw new FolderUnusable(
        `the folder ${path} cannot be locked: ${(cause as Error).message}. Nothing was changed. ` +
          'It needs a file system with locks (fcntl), where this user may write, with some space',
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

  /** Undefined in a folder that no node has lived in. */
  readIdentity(): StoredIdentity | undefined {
    const path = join(this.path, 'identity');
    const bytes = readSmallFile(path);
    if (bytes === undefined) return undefined;
    const stored = bytes === 'damaged' ? undefined : decodeIdentity(bytes);
    if (stored !== undefined) return stored;
    throw new FolderUnusable(
      `the file ${path} is damaged, so this node cannot prove who it is. ` +
        'Nothing was changed. Put back an intact copy of it, or start with an empty folder and ' +
        'let the node join again as a new one',
    );
  }

  writeIdentity(stored: StoredIdentity): void {
    writeSmallFile(join(this.path, 'identity'), encodeIdentity(stored));
  }

  /**
   * Marks the folder as an old copy, so that no later start takes it for the node's own. Says what
   * happened and what to do; so does `readRefusal` from now on.
   */
  burn(cause: string): string {
    const text =
      `older-copy: the data folder ${this.path} is an old copy of this node's data, and other ` +
      `nodes know of a later start (${cause}). Nothing was lost by refusing it: what was ` +
      'acknowledged is on the other nodes. It is marked and cannot be started again. Move it ' +
      'away, then start with an empty folder and --join: the node joins again, as a new member';
    try {
      writeSmallFile(join(this.path, BURNT), new TextEncoder().encode(text));
    } catch {
      // Without the mark the next start is refused by the others once more.
    }
    return text;
  }

  /** Undefined unless the folder was refused for good. */
  readRefusal(): string | undefined {
    const bytes = readSmallFile(join(this.path, BURNT));
    if (bytes === undefined) return undefined;
    if (bytes !== 'damaged') return new TextDecoder().decode(bytes);
    return `the data folder ${this.path} was refused as an old copy: start with an empty folder`;
  }

  /** No bytes for none; it only tells where others may be, so damage is as good as none. */
  readMap(): Uint8Array {
    const bytes = readSmallFile(join(this.path, 'map'));
    return bytes === undefined || bytes === 'damaged' ? new Uint8Array() : bytes;
  }

  /** Soon, for maps come in swarms; a failure costs no more than a detour at the next start. */
  keepMap(bytes: Uint8Array): void {
    const isPlanned = this.#map !== undefined;
    this.#map = bytes;
    if (!isPlanned) setTimeout(() => this.settle(), MAP_MILLISECONDS).unref();
  }

  /** Resolves when nothing waits to be written: the next owner's map is not to be overwritten. */
  settle(): Promise<void> {
    const bytes = this.#map;
    this.#map = undefined;
    if (bytes === undefined) return this.#writing;
    const write = () => writeHint(join(this.path, 'map'), bytes);
    this.#writing = this.#writing.then(write).catch(() => {});
    return this.#writing;
  }
}

/** A node inside the folder of another would be copied, moved and deleted together with it. */
function refuseNested(path: string): void {
  const why = nestingOf(path);
  if (why === undefined) return;
  throw new FolderUnusable(
    `${path} cannot be a data folder: it ${why}. Nothing was changed. Give each node a folder of ` +
      'its own, beside the others',
  );
}
