/**
 * The disk of the state store where it shares its space with a log: a batch leaves only when there
 * is room for it, and for the table that it may make LevelDB write. A store that runs out of space
 * in the middle of a write has to be closed; one that waits can go on.
 *
 * While space is low LevelDB is asked to write its log into a table, for a start on a full disk
 * would have to; and to rewrite what was deleted, for only then does it give back the space.
 */

import type { Log } from '../log/log.ts';
import type { DiskBatch, StateDisk } from './state-disk.ts';

interface GateOptions {
  readonly disk: StateDisk;
  /** It watches the space for both. */
  readonly log: Pick<Log, 'claim' | 'fullness' | 'metrics'>;
  readonly now: () => number;
}

const MIB = 1024 * 1024;
/** Around a row in LevelDB's log, and in a table. */
const ROW_BYTES = 32;
/** Blocks, an index and a manifest. */
const MARGIN_BYTES = 256 * 1024;
/** What LevelDB gathers in memory before it writes a table. */
const TABLE_BYTES = 32 * MIB;
/** With this much a start on a full disk needs little. */
const FLUSH_BYTES_MIN = MIB;
/** What a step of compaction may take before it gives anything back. */
const COMPACTION_BYTES = 12 * MIB;
const PAUSE_MILLISECONDS_MIN = 5000;
const PAUSE_MILLISECONDS_MAX = 600_000;

/** Between a state store and its disk; closing it drops what waits for room. */
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

/** What is asked of LevelDB while space is low: one thing at a time, where there is room for it. */
class SpaceReclaimer {
  readonly #options: GateOptions;
  /** In LevelDB's log, as far as can be known: it becomes a table, here or at the next start. */
  #unflushedBytes = 0;
  #deletes = 0;
  #isBusy = false;
  #dueAt = Number.NEGATIVE_INFINITY;
  #pause = PAUSE_MILLISECONDS_MIN;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Of a batch, and of the table that LevelDB may write because of it. */
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
    // What waits for room here would stand in the way of the next batch, so nothing does.
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

  /** Each time later where it did not help. */
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
