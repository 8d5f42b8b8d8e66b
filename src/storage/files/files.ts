/** The port to a file system: only what the log needs. */

/** A failed call of the file system. A value, because the log decides what it means. */
export interface FileFault {
  readonly type: 'fault';
  readonly operation:
    | 'list'
    | 'read'
    | 'write'
    | 'create'
    | 'rename'
    | 'remove'
    | 'sync-folder'
    | 'space';
  readonly name: string;
  readonly offset: number;
  /** The system's code: EIO, ENOSPC, ENOENT. */
  readonly errno: string;
}

/** Receives the free space for files of this process, as `FileDone` is called. */
export type SpaceDone = (freeBytes: number | FileFault) => void;

/** Called once, in a later turn than the call it belongs to. */
export type FileDone = (fault: FileFault | undefined) => void;

export interface FileEntry {
  readonly name: string;
  readonly size: number;
}

export interface FileRange {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

export interface FileWrite {
  readonly name: string;
  readonly offset: number;
  /** The caller does not change it until the write is done. */
  readonly bytes: Uint8Array;
}

/**
 * One flat folder that belongs to the log alone. Required: its node holds the lock of the data
 * folder, so no other process uses it.
 *
 * - Reads and the list are synchronous. They see completed operations; of a write in flight they
 *   may see any part.
 * - A write is done when its bytes are durable. It does not create a file; beyond the end it
 *   extends one.
 * - Changes of names (create, rename, remove) are durable when a `syncFolder` that was requested
 *   afterwards is done, and not before.
 * - Of operations in flight a crash keeps any subset of sectors and any subset of names.
 * - After a failed write nothing is known of the file beyond what was durable before.
 */
export interface Files {
  list(): readonly FileEntry[] | FileFault;
  /** Returns fewer bytes only at the end of the file. */
  read(range: FileRange): Uint8Array | FileFault;
  write(write: FileWrite, done: FileDone): void;
  /** Creates a file of zeros, completely allocated and durable. Replaces a file of that name. */
  create(file: FileEntry, done: FileDone): void;
  /** Replaces `to` atomically. */
  rename(names: { readonly from: string; readonly to: string }, done: FileDone): void;
  remove(name: string, done: FileDone): void;
  syncFolder(done: FileDone): void;
  /** The free space now; other programs may take it at any time. */
  space(done: SpaceDone): void;
  /** Closes all handles. Safe to call twice. */
  close(): void;
}

/** A folder that is only read. */
export type FilesReader = Pick<Files, 'list' | 'read'>;

export function faultText({ operation, name, offset, errno }: FileFault): string {
  return `${operation} of ${name} at offset ${offset} failed with ${errno}`;
}
