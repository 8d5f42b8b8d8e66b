/** The data folder of a node: its passport, its last map, and where log and state lie. */

import { join } from 'node:path';
import { makeFolder, readSmallFile, writeHint, writeSmallFile } from '../storage/small-file.ts';
import { decodePassport, encodePassport, type Passport } from './passport.ts';

/** How long a map waits for newer ones before it is written. */
const MAP_MILLISECONDS = 200;

/** The folder cannot be used as it is; the text says what to do. */
export class FolderUnusable extends Error {
  override readonly name = 'FolderUnusable';
  readonly code = 'folder-unusable';
}

/** Somebody else lives in the folder. */
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

  /** The folder is made if it is not there. */
  constructor(path: string) {
    this.path = path;
    makeFolder(path);
  }

  get log(): string {
    return join(this.path, 'log');
  }

  get state(): string {
    return join(this.path, 'state');
  }

  /** Undefined in a folder that no node has lived in. */
  readPassport(): Passport | undefined {
    const path = join(this.path, 'passport');
    const bytes = readSmallFile(path);
    if (bytes === undefined) return undefined;
    const passport = bytes === 'damaged' ? undefined : decodePassport(bytes);
    if (passport !== undefined) return passport;
    throw new FolderUnusable(
      `the file ${path} is damaged, so this node cannot prove who it is. ` +
        'Nothing was changed. Put back an intact copy of it, or start with an empty folder and ' +
        'let the node join again as a new one',
    );
  }

  writePassport(passport: Passport): void {
    writeSmallFile(join(this.path, 'passport'), encodePassport(passport));
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
