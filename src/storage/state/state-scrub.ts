/**
 * Adds up the stored rows of every shard, and compares the sums with the recorded hash. Missing and
 * outdated rows, and deleted rows that returned, have sound checksums: nothing else detects them
 * before they are written again.
 *
 * One shard and one slice at a time, slowly enough that the load is negligible: 100 GiB take seven
 * hours.
 */

import type { ShardId } from '../../base/ids.ts';
import { STATE_LIMITS } from '../limits.ts';
import { StateDamage } from './state.ts';
import type { DiskCursor, DiskRows, DiskView, StateDisk } from './state-disk.ts';
import { isSameHash, type StateHash, StateSums } from './state-hash.ts';
import { type Place, sectionOf } from './state-key.ts';
import { damageOf, isSound } from './state-record.ts';
import { storedState } from './stored-state.ts';

interface StateScrubOptions {
  readonly disk: StateDisk;
  /** Receives a damaged row, or a shard whose rows do not match its hash. */
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
  /** When each shard was last checked. */
  readonly #checkedAt = new Map<ShardId, number>();
  #pass: Pass | undefined;
  #dueAt = 0;
  #now = 0;
  /** The number of shards found sound since the store was opened. */
  sound = 0;

  constructor(options: StateScrubOptions) {
    this.#options = options;
  }

  /** To be called regularly, with the present shards. */
  work(now: number, shards: () => readonly ShardId[]): void {
    this.#now = now;
    if (now < this.#dueAt || this.#pass?.isReading === true) return;
    this.#dueAt = now + STATE_LIMITS.scrubSliceMilliseconds;
    // A view keeps replaced rows from being deleted, which would free space.
    if (this.#options.disk.isShort) return this.#end();
    this.#pass ??= this.#begin(shards());
    if (this.#pass === undefined) this.#dueAt = now + STATE_LIMITS.scrubLookMilliseconds;
    else this.#read(this.#pass);
  }

  /** The shard was removed, or a snapshot replaced its state. */
  forget(shard: ShardId): void {
    this.#checkedAt.delete(shard);
    if (this.#pass?.place.shard === shard) this.#end();
  }

  close(): void {
    this.#end();
  }

  /** The shard whose check is oldest, if it is due. */
  #begin(shards: readonly ShardId[]): Pass | undefined {
    const until = this.#now - STATE_LIMITS.scrubMilliseconds;
    const at = (shard: ShardId) => this.#checkedAt.get(shard) ?? Number.NEGATIVE_INFINITY;
    const [shard] = shards
      .filter((each) => at(each) <= until)
      .sort((one, other) => at(one) - at(other));
    if (shard === undefined) return undefined;
    this.#checkedAt.set(shard, this.#now);
    // Record and rows come from one view, so they match whatever is written meanwhile.
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
    // The disk itself reports unreadable rows.
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
