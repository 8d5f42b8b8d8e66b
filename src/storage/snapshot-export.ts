/** One snapshot being sent: the rows of one shard at one checkpoint, as a stream of bytes. */

import { assert } from '../base/assert.ts';
import { STATE_LIMITS } from '../base/limits.ts';
import type { SnapshotDescription } from '../raft/message.ts';
import { encodeEnd, encodeHeader, encodeRows, HEADER_BYTES } from './snapshot-format.ts';
import type { StateDamage } from './state.ts';
import type { DiskCursor, DiskRow, DiskRows, DiskView } from './state-disk.ts';
import type { StateHash } from './state-hash.ts';
import { keyOf, type Place, sectionOf } from './state-key.ts';
import { damageOf, isSound, valueIn } from './state-record.ts';

interface SnapshotExportOptions {
  readonly place: Place;
  readonly description: SnapshotDescription;
  readonly hash: StateHash;
  readonly view: DiskView;
  readonly onProgress: () => void;
  readonly onDamage: (damage: StateDamage) => void;
}

/** A piece of the stream in memory. */
interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Where the stream can be taken up again: before the row with this key, or before all rows. */
interface Mark {
  readonly offset: number;
  readonly from: Uint8Array | undefined;
}

const READ = { rowsMax: STATE_LIMITS.sliceRows, bytesMax: STATE_LIMITS.sliceBytes };

export class SnapshotExport {
  readonly #options: SnapshotExportOptions;
  readonly #marks: Mark[] = [];
  #cursor: DiskCursor;
  /** Invariant: they follow each other up to `#produced`. */
  #blocks: Block[] = [];
  #produced = 0;
  #isReading = false;
  #isWhole = false;
  #isClosed = false;

  constructor(options: SnapshotExportOptions) {
    this.#options = options;
    this.#add(encodeHeader(options.description));
    assert(this.#produced === HEADER_BYTES, 'rows begin after the header');
    this.#marks.push({ offset: this.#produced, from: undefined });
    this.#cursor = this.#open(undefined);
  }

  get description(): SnapshotDescription {
    return this.#options.description;
  }

  /** At most so many bytes from an offset on, any offset that was given before, or the next. */
  read(offset: number, bytesMax: number): ExportBytes | 'gone' | 'later' {
    if (this.#isClosed || (this.#isWhole && offset >= this.#produced)) return 'gone';
    const end = offset + bytesMax;
    const start = this.#blocks[0]?.offset ?? this.#produced;
    if (offset < start) this.#rewind(offset);
    // Whoever asks from here on has what came before.
    while (this.#blocks.length > 0 && endOf(this.#blocks[0] as Block) <= offset) {
      this.#blocks.shift();
    }
    if (this.#produced < end && !this.#isWhole) {
      this.#readOn();
      return 'later';
    }
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
    this.#cursor.close();
    this.#options.view.close();
  }

  #rewind(offset: number): void {
    const mark = this.#marks.findLast((each) => each.offset <= offset);
    this.#cursor.close();
    this.#isReading = false;
    this.#isWhole = false;
    this.#blocks = [];
    this.#produced = 0;
    if (mark === undefined) this.#add(encodeHeader(this.description));
    else this.#produced = mark.offset;
    this.#cursor = this.#open(mark?.from);
  }

  #open(from: Uint8Array | undefined): DiskCursor {
    return this.#options.view.cursor(this.#options.place.wholeRange(from));
  }

  #readOn(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const cursor = this.#cursor;
    cursor.next(READ, (rows) => {
      if (this.#isClosed || cursor !== this.#cursor) return;
      this.#isReading = false;
      this.#take(rows);
      this.#options.onProgress();
    });
  }

  #take(rows: DiskRows): void {
    if (rows === 'unreadable') {
      const nowhere = this.#options.place.key(0, new Uint8Array(0));
      return this.#fail(damageOf(this.#options.place.shard, nowhere, 'rows cannot be read'));
    }
    const first = rows[0]?.[0];
    if (first === undefined) {
      this.#add(encodeEnd(this.#options.hash));
      this.#isWhole = true;
      return;
    }
    const damaged = rows.find(([key, record]) => !isSound(this.#options.place, key, record));
    if (damaged !== undefined) {
      return this.#fail(damageOf(this.#options.place.shard, damaged[0]));
    }
    const last = this.#marks.at(-1);
    if (last === undefined || last.offset < this.#produced) {
      this.#marks.push({ offset: this.#produced, from: first });
    }
    this.#add(encodeRows(rows.map(rowOf)));
  }

  #add(bytes: Uint8Array): void {
    this.#blocks.push({ offset: this.#produced, bytes });
    this.#produced += bytes.length;
  }

  /** What is damaged here must not become the state of another. */
  #fail(damage: StateDamage): void {
    this.close();
    this.#options.onDamage(damage);
  }
}

interface ExportBytes {
  readonly data: Uint8Array;
  readonly isLast: boolean;
}

function endOf({ offset, bytes }: Block): number {
  return offset + bytes.length;
}

function rowOf([stored, record]: DiskRow) {
  return { section: sectionOf(stored), key: keyOf(stored), value: valueIn(record) };
}
