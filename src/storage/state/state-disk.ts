/**
 * The port under the state store: an ordered set of rows that changes by atomic, synced batches.
 *
 * Required of every implementation:
 * - A batch is on disk as a whole or not at all, and `write` reports only what will survive a loss
 *   of power. There is no other way to write, so nothing that was ever read can go back later.
 * - The store has at most one batch on its way; batches become durable in the order of `write`.
 * - Keys are ordered as unsigned bytes. Bytes handed in stay untouched until the report; bytes
 *   handed out are the receiver's to keep and nobody's to change; they may be buffers.
 * - Reports (`done`) come once, never within the call, and not at all after a fault or a close.
 * - A write that failed is told to `onFault` of whoever opened the disk, once. From then on nothing
 *   is reported: what is on disk is not known, and the process has to end.
 * - Bytes that cannot be read are a matter of one row: `get` throws, a cursor says `unreadable`.
 */

export interface StateDisk {
  /** Where this is, for people. */
  readonly name: string;
  /** Nothing was ever written here. */
  readonly isBlank: boolean;
  /** Little room is left: nothing should keep old rows from being thrown away. */
  readonly isShort: boolean;
  /** The newest value written. While a batch is on its way, the old one or the new one. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** The same for many keys at once, off this thread. */
  getMany(keys: readonly Uint8Array[], done: (values: DiskValues) => void): void;
  batch(): DiskBatch;
  /** All rows as they are now: before or after the batch that is on its way, never between. */
  view(): DiskView;
  /** To be called now and then: whatever has to be done beside writing. */
  maintain(): void;
  /** Gives back the space of what was deleted or replaced, as far as there is room to do it in. */
  compact(done: () => void): void;
  /** Makes little of what the next start has to write again: what was written leaves its log. */
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
  /** Cursors that are still open end with it. */
  close(): void;
}

/** Keys in [from, to). */
export interface DiskRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly isReverse: boolean;
}

export interface DiskCursor {
  /** The next rows in order, read off this thread; none at the end. One call at a time. */
  next(limits: ReadLimits, done: (rows: DiskRows) => void): void;
  close(): void;
}

/** As many rows as both allow, and one at least. The disk may stop earlier, but not at none. */
export interface ReadLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export type DiskRow = readonly [key: Uint8Array, value: Uint8Array];
export type DiskRows = readonly DiskRow[] | 'unreadable';
