/**
 * The port under the state store: an ordered set of rows that changes by atomic, synced batches.
 *
 * Required of every implementation:
 * - A batch is on disk completely or not at all, and `write` reports only what survives a power
 *   loss. There is no other way to write, so a row that was read never reverts later.
 * - The store has at most one batch in flight; batches become durable in the order of `write`.
 * - Keys are ordered as unsigned bytes. The caller does not change bytes that it passed in until
 *   the report; bytes that are returned belong to the receiver, and neither side changes them; they
 *   may be buffers.
 * - Reports (`done`) come once, never within the call, and never after a fault or a close.
 * - A failed write is reported once to the `onFault` that the disk was opened with. Nothing is
 *   reported after it: the content of the disk is unknown, and the process has to end.
 * - Unreadable bytes affect one row: `get` throws, a cursor reports `unreadable`.
 */

export interface StateDisk {
  /** Its location, for messages. */
  readonly name: string;
  /** No row was ever written here. */
  readonly isBlank: boolean;
  /** Free space is low: no view should keep replaced rows from being deleted. */
  readonly isShort: boolean;
  /** Rows are authenticated with their keys: what is returned was written under that key. */
  readonly isSealed: boolean;
  /** The newest value. While a batch is in flight, the old or the new one. */
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * The values of many rows at once, read on another thread. A sealed disk returns their first
   * `WORDS_BYTES`, or more of them.
   */
  getMany(keys: readonly Uint8Array[], done: (values: DiskValues) => void): void;
  batch(): DiskBatch;
  /** A consistent view of all rows: before or after the batch in flight, never between. */
  view(): DiskView;
  /** To be called regularly, for maintenance beside writing. */
  maintain(): void;
  /** Frees the space of deleted and replaced rows, as far as there is space to do it in. */
  compact(done: () => void): void;
  /** Moves rows from LevelDB's log into a table, so that the next start writes little. */
  flush(done: () => void): void;
  close(done: () => void): void;
}

export type DiskValues = readonly (Uint8Array | undefined)[] | 'unreadable';

export interface DiskBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  write(done: () => void): void;
}

export interface DiskView {
  get(key: Uint8Array): Uint8Array | undefined;
  cursor(range: DiskRange): DiskCursor;
  /** Closes cursors that are still open. */
  close(): void;
}

/** Keys in [from, to). */
export interface DiskRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly isReverse: boolean;
}

export interface DiskCursor {
  /** The next rows in order, read on another thread; none at the end. One call at a time. */
  next(limits: ReadLimits, done: (rows: DiskRows) => void): void;
  close(): void;
}

/**
 * Reading stops at either limit, after one row at least. The disk may return fewer, except none.
 */
export interface ReadLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export type DiskRow = readonly [key: Uint8Array, value: Uint8Array];
export type DiskRows = readonly DiskRow[] | 'unreadable';
