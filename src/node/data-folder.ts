/** The data folder of a node: its passport, its last map, and where log and state lie. */

import { join } from 'node:path';
import { makeFolder, readSmallFile, writeSmallFile } from '../storage/small-file.ts';
import { decodePassport, encodePassport, type Passport } from './passport.ts';

/** The folder cannot be used as it is; the text says what to do. */
export class FolderUnusable extends Error {
  override readonly name = 'FolderUnusable';
  readonly code = 'folder-unusable';
}

export class DataFolder {
  readonly path: string;

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

  writeMap(bytes: Uint8Array): void {
    writeSmallFile(join(this.path, 'map'), bytes);
  }
}
