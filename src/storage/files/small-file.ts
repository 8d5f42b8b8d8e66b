/** A small file that is replaced as a whole: the old one or the new one is there, never a part. */

import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { errnoOf } from './system-errors.ts';

const CRC_BYTES = 4;

/**
 * With all that are above it. One by one, for `recursive` tries for ever where a file system takes
 * no folders and says that there is none (as /proc does).
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let above = resolve(path);
  while (!existsSync(above)) {
    missing.push(above);
    above = dirname(above);
  }
  for (const folder of missing.reverse()) makeOne(folder);
  if (!statSync(path).isDirectory()) throw new NotAFolder(path);
}

class NotAFolder extends Error {
  readonly code = 'ENOTDIR';

  constructor(path: string) {
    super(`${path} is a file, and a folder is needed there`);
  }
}

/** Another process may make it at the same time. */
function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return;
  }
  try {
    // Its name is durable before anything in it is.
    syncFolderNow(dirname(folder));
  } catch {
    // Some systems can't sync a folder: it is as durable as they make it.
  }
}

/** Returns when it is durable. Throws what the file system says. */
export function writeSmallFile(path: string, content: Uint8Array): void {
  const fresh = `${path}.new`;
  const bytes = withCrc(content);
  const handle = openSync(fresh, 'w', 0o600);
  try {
    writeSync(handle, bytes);
    fdatasyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(fresh, path);
  syncFolderNow(dirname(path));
}

function syncFolderNow(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * The same for what may be lost again: off this thread, and durable when the system likes. Fails
 * with what the file system says.
 */
export async function writeHint(path: string, content: Uint8Array): Promise<void> {
  const fresh = `${path}.new`;
  await writeFile(fresh, withCrc(content), { mode: 0o600 });
  await rename(fresh, path);
}

/** Resolves when the names in it are durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Undefined if there is none; `damaged` if it is not what was written. */
export function readSmallFile(path: string): Uint8Array | 'damaged' | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (bytes.length < CRC_BYTES) return 'damaged';
  const content = bytes.subarray(CRC_BYTES);
  return bytes.readUInt32BE(0) === crc32(content) ? new Uint8Array(content) : 'damaged';
}

function withCrc(content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(CRC_BYTES + content.length);
  bytes.writeUInt32BE(crc32(content), 0);
  bytes.set(content, CRC_BYTES);
  return bytes;
}
