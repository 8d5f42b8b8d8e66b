/**
 * One snapshot being sent: the rows of one shard at one checkpoint, as a stream of bytes. Several
 * followers may read it, each at its own pace: followers at distant offsets have a window each.
 */

import { assert } from '../../base/assert.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import { STATE_LIMITS } from '../limits.ts';
import type { StateDamage } from '../state/state.ts';
import type { DiskCursor, DiskRow, DiskView } from '../state/state-disk.ts';
import type { StateHash } from '../state/state-hash.ts';
import { keyOf, type Place, sectionOf } from '../state/state-key.ts';
import { damageOf, isSound, valueIn } from '../state/state-record.ts';
import type { ReadQueue } from './read-queue.ts';
import { encodeEnd, encodeHeader, encodeRows, HEADER_BYTES } from './snapshot-format.ts';
import { SnapshotWindow } from './snapshot-window.ts';

interface SnapshotExportOptions {
  readonly place: Place;
  readonly description: SnapshotDescription;
  readonly hash: StateHash;
  readonly view: DiskView;
  readonly reads: ReadQueue;
  readonly onProgress: () => void;
  readonly onDamage: (damage: StateDamage) => void;
}

/** A position at which the stream can resume: before the row with this key, or before all rows. */
interface Mark {
  readonly offset: number;
  readonly from: Uint8Array | undefined;
}

export class SnapshotExport {
  readonly #options: SnapshotExportOptions;
  readonly #header: Uint8Array;
  /** In the order of their offsets. */
  readonly #marks: Mark[] = [{ offset: HEADER_BYTES, from: undefined }];
  /** Least recently read first. */
  #windows: SnapshotWindow[] = [];
  #isClosed = false;

  constructor(options: SnapshotExportOptions) {
    this.#options = options;
    this.#header = encodeHeader(options.description);
    assert(this.#header.length === HEADER_BYTES, 'rows begin after the header');
  }

  get description(): SnapshotDescription {
    return this.#options.description;
  }

  /** Closed because a damaged row was read. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Reads from any offset that was returned before, or the next one. */
  read(offset: number, bytesMax: number): ReturnType<SnapshotWindow['read']> | 'gone' {
    if (this.#isClosed || this.#windows.some(({ end }) => offset >= end)) return 'gone';
    const window = this.#windowAt(offset);
    this.#windows = [...this.#windows.filter((one) => one !== window), window];
    return window.read(offset, bytesMax);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const window of this.#windows) window.close();
    this.#options.view.close();
  }

  /**
   * The window that begins nearest before the offset. So a follower that is ahead never takes the
   * window of one that is behind, and neither loses data that it waits for.
   */
  #windowAt(offset: number): SnapshotWindow {
    let nearest: SnapshotWindow | undefined;
    for (const window of this.#windows) {
      const isNearer = nearest === undefined || window.start > nearest.start;
      if (window.holds(offset) && isNearer) nearest = window;
    }
    if (nearest !== undefined) return nearest;
    if (this.#windows.length >= STATE_LIMITS.exportWindowsMax) this.#windows.shift()?.close();
    return this.#begin(offset);
  }

  #begin(offset: number): SnapshotWindow {
    const mark = this.#marks.findLast((each) => each.offset <= offset);
    const window = new SnapshotWindow({
      offset: mark?.offset ?? 0,
      cursor: this.#open(mark?.from),
      reads: this.#options.reads,
      encode: (rows, at) => this.#encode(rows, at),
      onUnreadable: () => this.#failAt(this.#options.place.key(0, new Uint8Array(0))),
      onProgress: this.#options.onProgress,
    });
    if (mark === undefined) window.add(this.#header);
    return window;
  }

  #open(from: Uint8Array | undefined): DiskCursor {
    return this.#options.view.cursor(this.#options.place.wholeRange(from));
  }

  #encode(rows: readonly DiskRow[], offset: number): Uint8Array | undefined {
    if (this.#isClosed) return undefined;
    const first = rows[0]?.[0];
    if (first === undefined) return encodeEnd(this.#options.hash);
    const damaged = rows.find(([key, record]) => !isSound(this.#options.place, key, record));
    if (damaged !== undefined) return this.#failAt(damaged[0]);
    const last = this.#marks.at(-1);
    if (last === undefined || last.offset < offset) this.#marks.push({ offset, from: first });
    return encodeRows(rows.map(rowOf));
  }

  /** A damaged row must not reach another replica. */
  #failAt(key: Uint8Array): undefined {
    const { place, onDamage } = this.#options;
    this.close();
    onDamage(damageOf(place.shard, key));
  }
}

function rowOf([stored, record]: DiskRow) {
  return { section: sectionOf(stored), key: keyOf(stored), value: valueIn(record) };
}
