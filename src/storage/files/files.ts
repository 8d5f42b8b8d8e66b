/** The port to a file system: what the log needs of a folder of files, and no more. */

/** A call on the file system that failed. A value: the log decides what it means. */
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
  /** As the system spells it: EIO, ENOSPC, ENOENT. */
  readonly errno: string;
}

/** Answered as `Done` is: what the file system still has for files of this process. */
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
  /** Not touched by the caller until the write is done. */
  readonly bytes: Uint8Array;
}

/**
 * One flat folder that belongs to the log alone. Required: its node holds the lock of the data
 * folder, so no other process is in it.
 *
 * - Reads and the list are synchronous. They see what is done; of a write on its way they may see
 *   anything.
 * - A write is done when its bytes are durable. It creates no file; beyond the end it grows one.
 * - What happens to names (create, rename, remove) is durable when a `syncFolder` that was asked
 *   for afterwards is done, and not before.
 * - A crash keeps, of all that is not done, any subset of sectors and any subset of names.
 * - After a write failed nothing is known of the file beyond what was durable before.
 */
export interface Files {
  list(): readonly FileEntry[] | FileFault;
  /** Fewer bytes only at the end of the file. */
  read(range: FileRange): Uint8Array | FileFault;
  write(write: FileWrite, done: FileDone): void;
  /** A file of zeros, all of it allocated and durable. Replaces a file of that name. */
  create(file: FileEntry, done: FileDone): void;
  /** Replaces `to` in one step. */
  rename(names: { readonly from: string; readonly to: string }, done: FileDone): void;
  remove(name: string, done: FileDone): void;
  syncFolder(done: FileDone): void;
  /** Bytes that are free now; others may take them at any time. */
  space(done: SpaceDone): void;
  /** Gives back all handles. Twice is once. */
  close(): void;
}

/** A folder that is only read. */
export type FilesReader = Pick<Files, 'list' | 'read'>;

export function faultText({ operation, name, offset, errno }: FileFault): string {
  return `${operation} of ${name} at offset ${offset} failed with ${errno}`;
}
