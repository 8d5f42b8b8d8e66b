/** A stretch of a snapshot's stream in memory, as one reader goes along it. */

import { STATE_LIMITS } from '../../base/limits.ts';
import type { DiskCursor, DiskRow, DiskRows } from '../state/state-disk.ts';
import type { QueuedRead, ReadQueue } from './read-queue.ts';

/** A piece of the stream in memory. */
interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface SnapshotWindowOptions {
  readonly offset: number;
  readonly cursor: DiskCursor;
  readonly reads: ReadQueue;
  /** What rows become, none for the end of them; undefined if they are not sound. */
  readonly encode: (rows: readonly DiskRow[], offset: number) => Uint8Array | undefined;
  readonly onUnreadable: () => void;
  readonly onProgress: () => void;
}

const READ = { rowsMax: STATE_LIMITS.exportReadRows, bytesMax: STATE_LIMITS.sliceBytes };

export class SnapshotWindow {
  readonly #options: SnapshotWindowOptions;
  /** Invariant: they follow each other up to `#produced`. */
  #blocks: Block[] = [];
  #produced: number;
  /** It reads on until it has come to this place. */
  #wanted: number;
  #read: QueuedRead | undefined;
  #isWhole = false;
  #isClosed = false;

  constructor(options: SnapshotWindowOptions) {
    this.#options = options;
    this.#produced = options.offset;
    this.#wanted = options.offset;
  }

  /** What stands before it is given up. */
  get start(): number {
    return this.#blocks[0]?.offset ?? this.#produced;
  }

  /** Whether it comes to this offset without going back. */
  holds(offset: number): boolean {
    return this.start <= offset && (offset < this.#produced || !this.#isWhole);
  }

  /** Where the stream ends, once that is known. */
  get end(): number {
    return this.#isWhole ? this.#produced : Number.POSITIVE_INFINITY;
  }

  add(bytes: Uint8Array): void {
    this.#blocks.push({ offset: this.#produced, bytes });
    this.#produced += bytes.length;
  }

  /** Required: it holds the offset. Whoever asks from there on has what came before. */
  read(offset: number, bytesMax: number): WindowBytes | 'later' {
    while (this.#blocks.length > 0 && endOf(this.#blocks[0] as Block) <= offset) {
      this.#blocks.shift();
    }
    const end = offset + bytesMax;
    // As much again is read ahead, while what is given now is on its way.
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
          // The others go on before what was read is taken in.
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
