/** A small file that is replaced atomically: a crash leaves the old content or the new one. */

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
 * Creates the folder and its missing parents. One by one, because `recursive` retries for ever
 * where a file system does not support folders and reports ENOENT (as /proc does).
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
    super(`${path} is a file, not a folder`);
  }
}

/** Another process may create it at the same time. */
function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return;
  }
  try {
    // The folder's name is durable before any file in it is.
    syncFolderNow(dirname(folder));
  } catch {
    // Some systems cannot sync a folder.
  }
}

/** Returns when the file is durable. Throws the file system's error. */
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
 * The same for content that may be lost: asynchronous and not synced. Rejects with the system's
 * error.
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

/** Undefined if the file does not exist; `damaged` if its checksum is wrong. */
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
