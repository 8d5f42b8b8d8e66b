/** A window of a snapshot's stream in memory, which moves forward with one reader. */

import { STATE_LIMITS } from '../limits.ts';
import type { DiskCursor, DiskRow, DiskRows } from '../state/state-disk.ts';
import type { QueuedRead, ReadQueue } from './read-queue.ts';

/** A part of the stream in memory. */
interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface SnapshotWindowOptions {
  readonly offset: number;
  readonly cursor: DiskCursor;
  readonly reads: ReadQueue;
  /** Encodes rows, or the end if there are none; undefined if they are damaged. */
  readonly encode: (rows: readonly DiskRow[], offset: number) => Uint8Array | undefined;
  readonly onUnreadable: () => void;
  readonly onProgress: () => void;
}

const READ = { rowsMax: STATE_LIMITS.exportReadRows, bytesMax: STATE_LIMITS.sliceBytes };

export class SnapshotWindow {
  readonly #options: SnapshotWindowOptions;
  /** Invariant: consecutive blocks that end at `#produced`. */
  #blocks: Block[] = [];
  #produced: number;
  /** Rows are read up to this offset. */
  #wanted: number;
  #read: QueuedRead | undefined;
  #isWhole = false;
  #isClosed = false;

  constructor(options: SnapshotWindowOptions) {
    this.#options = options;
    this.#produced = options.offset;
    this.#wanted = options.offset;
  }

  /** Bytes before it were dropped. */
  get start(): number {
    return this.#blocks[0]?.offset ?? this.#produced;
  }

  /** Whether the window reaches this offset without going back. */
  holds(offset: number): boolean {
    return this.start <= offset && (offset < this.#produced || !this.#isWhole);
  }

  /** The end of the stream, once it is known. */
  get end(): number {
    return this.#isWhole ? this.#produced : Number.POSITIVE_INFINITY;
  }

  add(bytes: Uint8Array): void {
    this.#blocks.push({ offset: this.#produced, bytes });
    this.#produced += bytes.length;
  }

  /** Required: the window holds the offset. A reader at this offset has everything before it. */
  read(offset: number, bytesMax: number): WindowBytes | 'later' {
    while (this.#blocks.length > 0 && endOf(this.#blocks[0] as Block) <= offset) {
      this.#blocks.shift();
    }
    const end = offset + bytesMax;
    // The same amount is read ahead, while this piece is in transit.
    this.#wanted = end + bytesMax;
    this.#readOn();
    if (this.#produced < end && !this.#isWhole) return 'later';
    const to = Math.min(end, this.#produced);
    const data = new Uint8Array(to - offset);
    for (const block of this.#blocks) {
      if (block.offset >= to) break;
      const from = Math.max(0, offset - block.offset);
      data.set(block.bytes.subarray(from, to - block.offset), block.offset + from - offset);
    }
    return { data, isLast: this.#isWhole && to === this.#produced };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#blocks = [];
    if (this.#read !== undefined) this.#options.reads.end(this.#read);
    this.#options.cursor.close();
  }

  #readOn(): void {
    if (this.#read !== undefined || this.#isClosed || this.#isWhole) return;
    if (this.#produced >= this.#wanted) return;
    const { cursor, reads } = this.#options;
    const read: QueuedRead = {
      begin: () => {
        cursor.next(READ, (rows) => {
          if (this.#isClosed) return;
          this.#read = undefined;
          // The other reads continue before these rows are processed.
          reads.end(read);
          this.#take(rows);
        });
      },
    };
    this.#read = read;
    reads.add(read);
  }

  #take(rows: DiskRows): void {
    const { encode, onUnreadable, onProgress } = this.#options;
    if (rows === 'unreadable') return onUnreadable();
    const bytes = encode(rows, this.#produced);
    if (bytes === undefined) return;
    this.add(bytes);
    this.#isWhole = rows.length === 0;
    this.#readOn();
    onProgress();
  }
}

interface WindowBytes {
  readonly data: Uint8Array;
  readonly isLast: boolean;
}

function endOf({ offset, bytes }: Block): number {
  return offset + bytes.length;
}
