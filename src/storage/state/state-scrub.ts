/**
 * Adds up the rows of every shard as they are on disk, and compares the sums with the hash that was
 * recorded with them. Rows that are missing, old, or back though they were deleted have sound
 * checksums: nothing else notices them before they are written again.
 *
 * One shard at a time and one slice at a time, so slowly that the work is not felt: a pass of
 * 100 GiB takes seven hours.
 */

import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../../base/limits.ts';
import { StateDamage } from './state.ts';
import type { DiskCursor, DiskRows, DiskView, StateDisk } from './state-disk.ts';
import { isSameHash, type StateHash, StateSums } from './state-hash.ts';
import { type Place, sectionOf } from './state-key.ts';
import { damageOf, isSound } from './state-record.ts';
import { storedState } from './stored-state.ts';

interface StateScrubOptions {
  readonly disk: StateDisk;
  /** A row that is damaged, or rows that do not add up. */
  readonly onDamage: (damage: StateDamage) => void;
}

/** One shard at one checkpoint. */
interface Pass {
  readonly place: Place;
  readonly hash: StateHash;
  readonly view: DiskView;
  readonly cursor: DiskCursor;
  readonly sums: StateSums;
  isReading: boolean;
}

const READ = { rowsMax: STATE_LIMITS.exportReadRows, bytesMax: STATE_LIMITS.sliceBytes };

export class StateScrub {
  readonly #options: StateScrubOptions;
  /** When each shard was found sound, or found damaged, last. */
  readonly #checkedAt = new Map<ShardId, number>();
  #pass: Pass | undefined;
  #dueAt = 0;
  #now = 0;
  /** Shards that were found sound since the store was opened. */
  sound = 0;

  constructor(options: StateScrubOptions) {
    this.#options = options;
  }

  /** To be called again and again, with the shards that are here. */
  work(now: number, shards: () => readonly ShardId[]): void {
    this.#now = now;
    if (now < this.#dueAt || this.#pass?.isReading === true) return;
    this.#dueAt = now + STATE_LIMITS.scrubSliceMilliseconds;
    // A view keeps old rows from being thrown away, which would make room.
    if (this.#options.disk.isShort) return this.#end();
    this.#pass ??= this.#begin(shards());
    if (this.#pass === undefined) this.#dueAt = now + STATE_LIMITS.scrubLookMilliseconds;
    else this.#read(this.#pass);
  }

  /** The shard leaves, or a snapshot takes the place of what it was. */
  forget(shard: ShardId): void {
    this.#checkedAt.delete(shard);
    if (this.#pass?.place.shard === shard) this.#end();
  }

  close(): void {
    this.#end();
  }

  /** The shard that was not looked at for longest, once that is long enough. */
  #begin(shards: readonly ShardId[]): Pass | undefined {
    const until = this.#now - STATE_LIMITS.scrubMilliseconds;
    const at = (shard: ShardId) => this.#checkedAt.get(shard) ?? Number.NEGATIVE_INFINITY;
    const [shard] = shards
      .filter((each) => at(each) <= until)
      .sort((one, other) => at(one) - at(other));
    if (shard === undefined) return undefined;
    this.#checkedAt.set(shard, this.#now);
    // The record and the rows are of one view, so they belong together whatever is being written.
    const view = this.#options.disk.view();
    const stored = storedState(view, shard);
    if (stored === undefined) {
      view.close();
      return undefined;
    }
    const { place, hash } = stored;
    const cursor = view.cursor(place.wholeRange());
    return { place, hash, view, cursor, sums: new StateSums(), isReading: false };
  }

  #read(pass: Pass): void {
    pass.isReading = true;
    pass.cursor.next(READ, (rows) => {
      if (this.#pass !== pass) return;
      pass.isReading = false;
      this.#take(pass, rows);
    });
  }

  #take({ place, hash, sums }: Pass, rows: DiskRows): void {
    const { onDamage } = this.#options;
    // What cannot be read at all is told by the disk itself.
    if (rows === 'unreadable') return this.#end();
    for (const [key, record] of rows) {
      if (!isSound(place, key, record)) {
        this.#end();
        return onDamage(damageOf(place.shard, key));
      }
      sums.add(sectionOf(key), place, record);
    }
    if (rows.length > 0) return;
    this.#end();
    const found = sums.hash();
    if (found !== undefined && isSameHash(found, hash)) this.sound += 1;
    else onDamage(new StateDamage({ shard: place.shard }));
  }

  #end(): void {
    const pass = this.#pass;
    if (pass === undefined) return;
    this.#pass = undefined;
    pass.cursor.close();
    pass.view.close();
  }
}
