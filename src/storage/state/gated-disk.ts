/**
 * The state store's disk where it shares free space with a log: a batch is written only when there
 * is space for it and for the table that LevelDB may write because of it. A store that runs out of
 * space during a write has to be closed; one that waits can continue.
 *
 * While space is low, LevelDB is asked to flush its log into a table, which a start on a full disk
 * would have to do; and to compact deleted rows, because only compaction frees their space.
 */

import type { Log } from '../log/log.ts';
import type { DiskBatch, StateDisk } from './state-disk.ts';

interface GateOptions {
  readonly disk: StateDisk;
  /** Watches the free space for both. */
  readonly log: Pick<Log, 'claim' | 'fullness' | 'metrics'>;
  readonly now: () => number;
}

const MIB = 1024 * 1024;
/** The overhead of a row in LevelDB's log, and in a table. */
const ROW_BYTES = 32;
/** Blocks, an index and a manifest. */
const MARGIN_BYTES = 256 * 1024;
/** The memory table that LevelDB fills before it writes a table. */
const TABLE_BYTES = 32 * MIB;
/** Below this size of LevelDB's log a start on a full disk needs little space. */
const FLUSH_BYTES_MIN = MIB;
/** The space that a step of compaction may take before it frees any. */
const COMPACTION_BYTES = 12 * MIB;
const PAUSE_MILLISECONDS_MIN = 5000;
const PAUSE_MILLISECONDS_MAX = 600_000;

/** Wraps the disk of a state store. Closing it drops batches that wait for space. */
export function gatedDisk(options: GateOptions): StateDisk {
  const { disk, log } = options;
  const reclaimer = new SpaceReclaimer(options);
  let isClosed = false;
  const batch = (): DiskBatch => {
    const inner = disk.batch();
    let bytes = 0;
    let deletes = 0;
    return {
      put: (key, value) => {
        bytes += key.length + value.length + ROW_BYTES;
        inner.put(key, value);
      },
      delete: (key) => {
        bytes += key.length + ROW_BYTES;
        deletes += 1;
        inner.delete(key);
      },
      write: (done) => {
        log.claim(reclaimer.bytesFor(bytes), () => {
          if (isClosed) return;
          inner.write(() => {
            reclaimer.wrote({ bytes, deletes });
            done();
          });
        });
      },
    };
  };
  return {
    name: disk.name,
    isBlank: disk.isBlank,
    isSealed: disk.isSealed,
    get isShort() {
      return log.fullness !== 'ok';
    },
    get: (key) => disk.get(key),
    getMany: (keys, done) => disk.getMany(keys, done),
    batch,
    view: () => disk.view(),
    maintain: () => {
      disk.maintain();
      if (!isClosed) reclaimer.look();
    },
    compact: (done) => disk.compact(done),
    flush: (done) => disk.flush(done),
    close: (done) => {
      isClosed = true;
      disk.close(done);
    },
  };
}

interface Written {
  readonly bytes: number;
  readonly deletes: number;
}

/** Maintenance of LevelDB while space is low: one operation at a time, if there is space for it. */
class SpaceReclaimer {
  readonly #options: GateOptions;
  /** The estimated size of LevelDB's log: it becomes a table, here or at the next start. */
  #unflushedBytes = 0;
  #deletes = 0;
  #isBusy = false;
  #dueAt = Number.NEGATIVE_INFINITY;
  #pause = PAUSE_MILLISECONDS_MIN;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** The size of a batch, and of the table that LevelDB may write because of it. */
  bytesFor(bytes: number): number {
    const isTable = this.#unflushedBytes + bytes > TABLE_BYTES;
    return MARGIN_BYTES + (isTable ? 2 * bytes + TABLE_BYTES : bytes);
  }

  wrote({ bytes, deletes }: Written): void {
    this.#unflushedBytes =
      this.#unflushedBytes + bytes > TABLE_BYTES ? bytes : this.#unflushedBytes + bytes;
    this.#deletes += deletes;
  }

  look(): void {
    const { log, now } = this.#options;
    if (log.fullness === 'ok') {
      this.#pause = PAUSE_MILLISECONDS_MIN;
      return;
    }
    if (this.#isBusy) return;
    // Maintenance does not wait for space, because it would block the next batch.
    const free = (log.metrics().freeBytes ?? 0) - this.#unflushedBytes - MARGIN_BYTES;
    if (free >= 0 && this.#unflushedBytes >= FLUSH_BYTES_MIN) this.#flush();
    else if (free >= COMPACTION_BYTES && this.#deletes > 0 && now() >= this.#dueAt) this.#compact();
  }

  #flush(): void {
    this.#isBusy = true;
    this.#options.disk.flush(() => {
      this.#isBusy = false;
      this.#unflushedBytes = 0;
    });
  }

  /** The pause doubles where compaction did not help. */
  #compact(): void {
    const { disk, now } = this.#options;
    this.#isBusy = true;
    this.#deletes = 0;
    disk.compact(() => {
      this.#isBusy = false;
      this.#unflushedBytes = 0;
      this.#dueAt = now() + this.#pause;
      this.#pause = Math.min(2 * this.#pause, PAUSE_MILLISECONDS_MAX);
    });
  }
}
