/** The state of one shard in one generation: memtable, frozen memtable, disk, and hash. */

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../base/ids.ts';
import { ROW_LIMITS } from '../../base/limits.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { Position } from '../../raft/position.ts';
import { STATE_LIMITS } from '../limits.ts';
import { type LayerView, Memtable } from './memtable.ts';
import { ReadCache } from './read-cache.ts';
import type { SlabPool } from './slab-pool.ts';
import { NO_ROW } from './sorted-rows.ts';
import type { AppliedEntry, StateDamage, StateWrite } from './state.ts';
import type { DiskValues, StateDisk } from './state-disk.ts';
import { type StateHash, StateSums } from './state-hash.ts';
import { type Place, sectionOf } from './state-key.ts';
import type { RecordedState } from './state-meta.ts';
import { damageOf, isSound, TOMBSTONE, valueIn, WORDS_BYTES } from './state-record.ts';

interface ShardStateOptions {
  readonly place: Place;
  readonly disk: StateDisk;
  readonly pool: SlabPool;
  readonly recorded: RecordedState;
  readonly onDamage: (damage: StateDamage) => void;
}

/** The hash of a state as of one entry: equal on all replicas that applied that entry. */
export interface Fingerprint {
  readonly position: Position;
  readonly hash: StateHash;
}

/** A fingerprint whose sums are complete once the awaited rows of the memtables are settled. */
interface Pending {
  readonly position: Position;
  readonly sums: StateSums;
}

/** A memtable that is being written, and the state that the disk has afterwards. */
interface Frozen {
  readonly memtable: Memtable;
  readonly description: SnapshotDescription;
  /** The hash of that state, complete once all rows are settled. */
  readonly sums: StateSums;
}

export class ShardState {
  readonly place: Place;
  readonly #disk: StateDisk;
  readonly #pool: SlabPool;
  readonly #onDamage: (damage: StateDamage) => void;
  readonly #readCache = new ReadCache();
  #description: SnapshotDescription;
  #memtable: Memtable;
  #frozen: Frozen | undefined;
  #sums: StateSums;
  #pending: Pending | undefined;
  #isDamaged: boolean;
  #isCondemned: boolean;

  constructor({ place, disk, pool, recorded, onDamage }: ShardStateOptions) {
    this.place = place;
    this.#disk = disk;
    this.#pool = pool;
    this.#onDamage = onDamage;
    this.#description = recorded.description;
    this.#memtable = new Memtable(place, pool);
    this.#sums = new StateSums(recorded.hash ?? []);
    this.#isDamaged = recorded.hash === undefined;
    this.#isCondemned = recorded.isCondemned;
  }

  get shard(): ShardId {
    return this.place.shard;
  }

  get description(): SnapshotDescription {
    return this.#description;
  }

  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  get isCondemned(): boolean {
    return this.#isCondemned;
  }

  get memtable(): Memtable {
    return this.#memtable;
  }

  get frozen(): Frozen | undefined {
    return this.#frozen;
  }

  get bytes(): number {
    return this.#memtable.bytes + (this.#frozen?.memtable.bytes ?? 0);
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    assertKey(section, key);
    const held = this.#memtable.get(section, key) ?? this.#frozen?.memtable.get(section, key);
    if (held !== undefined) return held === TOMBSTONE ? undefined : held;
    const stored = this.place.key(section, key);
    const record = this.#read(stored);
    if (record !== undefined && !isSound(this.place, stored, record)) {
      this.#isDamaged = true;
      throw damageOf(this.shard, stored);
    }
    this.#readCache.note(stored, record);
    return record === undefined ? undefined : valueIn(record);
  }

  apply({ position, configuration, writes }: AppliedEntry): void {
    const { index, term } = this.#description;
    assert(position.index === index + 1, 'entries are applied without a gap');
    assert(position.term >= term, 'terms never decrease');
    for (const write of writes) this.#write(write);
    const inForce =
      configuration === undefined
        ? this.#description
        : { configuration, configurationAt: position };
    this.#description = {
      index: position.index,
      term: position.term,
      configuration: inForce.configuration,
      configurationAt: inForce.configurationAt,
    };
  }

  #write({ section, key, value }: StateWrite): void {
    assertKey(section, key);
    const length = value?.length ?? 0;
    assert(length <= ROW_LIMITS.valueBytesMax, 'a value is within its limit');
    const memtable = this.#memtable;
    const { arena } = memtable;
    const row = arena.add(section, key, value);
    if (value !== undefined) {
      this.#sums.add(section, this.place, arena.slabOf(row), arena.recordAt(row));
    }
    const held = memtable.place(section, row);
    if (held === row) return this.#loseBelow(section, key, row);
    this.#lose(section, memtable, held);
    memtable.replace(section, held, row);
  }

  /** Subtracts the row that the first write of a key in this memtable replaces. */
  #loseBelow(section: number, key: Uint8Array, row: number): void {
    const frozen = this.#frozen?.memtable;
    const held = frozen?.find(section, key) ?? NO_ROW;
    if (frozen !== undefined && held !== NO_ROW) return this.#lose(section, frozen, held);
    const words = this.#readCache.get(section, key);
    if (words === undefined) this.#memtable.unsettled.push(row);
    else if (words !== TOMBSTONE) this.#sums.subtract(section, this.place, words);
  }

  #lose(section: number, { arena }: Memtable, row: number): void {
    if (arena.isTombstone(row)) return;
    this.#sums.subtract(section, this.place, arena.slabOf(row), arena.recordAt(row));
  }

  /** The present layers in memory, newest first. */
  layers(): readonly LayerView[] {
    const layers = [this.#memtable.share()];
    if (this.#frozen !== undefined) layers.push(this.#frozen.memtable.share());
    return layers;
  }

  /**
   * The hash of the present state; undefined for a damaged shard. Reads the rows of unsettled keys.
   */
  hash(): StateHash | undefined {
    for (const memtable of [this.#frozen?.memtable, this.#memtable]) {
      if (memtable === undefined) continue;
      const rows = [...memtable.settling, ...memtable.unsettled];
      memtable.settling = [];
      memtable.unsettled = [];
      for (const row of rows) {
        const stored = memtable.arena.key(row);
        this.#settle(memtable, stored, this.#tryRead(stored));
      }
    }
    return this.#isDamaged ? undefined : this.#sums.hash();
  }

  /** Begins a fingerprint as of the last entry, in place of an earlier one. */
  beginFingerprint(): void {
    const { index, term } = this.#description;
    for (const memtable of [this.#frozen?.memtable, this.#memtable]) {
      if (memtable === undefined) continue;
      memtable.awaited = memtable.settling.length + memtable.unsettled.length;
    }
    this.#pending = { position: { index, term }, sums: this.#sums.copy() };
  }

  /** Undefined until the rows that the preceding writes replaced are known. */
  get fingerprint(): Fingerprint | undefined {
    if (this.#pending === undefined || this.isFingerprintAwaited || this.#isDamaged) {
      return undefined;
    }
    const { position, sums } = this.#pending;
    const hash = sums.hash();
    return hash === undefined ? undefined : { position, hash };
  }

  get isFingerprintAwaited(): boolean {
    return this.#memtable.awaited + (this.#frozen?.memtable.awaited ?? 0) > 0;
  }

  /** The hash is known to be wrong: the state counts as damaged until a snapshot replaces it. */
  condemn(): void {
    this.#isDamaged = true;
    this.#isCondemned = true;
  }

  freeze(): void {
    assert(this.#frozen === undefined, 'one memtable is written at a time');
    const sums = this.#sums.copy();
    this.#frozen = { memtable: this.#memtable, description: this.#description, sums };
    this.#memtable = new Memtable(this.place, this.#pool);
  }

  /**
   * Reports a row of the frozen memtable that was damaged in memory. Sealed, its words would count
   * as they are when it is replaced: see `#isReplaceable`. The row is written as it is, so that the
   * damage is found by whatever reads it.
   */
  checkUnsealed(stored: Uint8Array, record: Uint8Array): void {
    if (!this.#disk.isSealed || isSound(this.place, stored, record)) return;
    this.#reportDamage(damageOf(this.shard, stored));
  }

  /** The record of the state that the disk has with the frozen memtable. */
  recording(): RecordedState {
    const frozen = this.#frozen;
    assert(frozen !== undefined, 'a memtable was frozen');
    const { memtable, description, sums } = frozen;
    assert(!memtable.hasUnsettled, 'all rows are settled');
    const isCondemned = this.#isCondemned;
    return { description, hash: this.#isDamaged ? undefined : sums.hash(), isCondemned };
  }

  /** The frozen memtable is on disk. */
  thaw(): void {
    const frozen = this.#frozen?.memtable;
    if (frozen !== undefined) this.#readCache.follow(frozen);
    frozen?.arena.end();
    this.#frozen = undefined;
  }

  /**
   * Asks the disk for rows that a memtable's writes replace. False if there are none to ask for.
   */
  settleSome(memtable: Memtable, done: () => void): boolean {
    if (memtable.settling.length > 0 || memtable.unsettled.length === 0) return false;
    // In the order of writing, so that the rows that a fingerprint waits for come first.
    const rows = memtable.unsettled.splice(0, STATE_LIMITS.settleKeys);
    const keys = rows.map((row) => memtable.arena.key(row));
    memtable.settling = rows;
    this.#disk.getMany(keys, (values) => {
      // `hash` may have read all of them meanwhile.
      if (memtable.settling === rows) this.#settleAll(memtable, keys, values);
      done();
    });
    return true;
  }

  #settleAll(memtable: Memtable, keys: readonly Uint8Array[], values: DiskValues): void {
    memtable.settling = [];
    for (const [at, stored] of keys.entries()) {
      const record = values === 'unreadable' ? this.#tryRead(stored) : values[at];
      this.#settle(memtable, stored, record);
    }
  }

  #settle(memtable: Memtable, stored: Uint8Array, record: Uint8Array | undefined): void {
    const isAwaited = memtable.awaited > 0;
    if (isAwaited) memtable.awaited -= 1;
    if (record === undefined) return;
    if (!this.#isReplaceable(stored, record)) {
      this.#reportDamage(damageOf(this.shard, stored));
      return;
    }
    const section = sectionOf(stored);
    this.#sums.subtract(section, this.place, record);
    if (memtable === this.#frozen?.memtable)
      this.#frozen.sums.subtract(section, this.place, record);
    if (isAwaited) this.#pending?.sums.subtract(section, this.place, record);
  }

  /**
   * The words of the record are those that were written under that key. On a sealed disk the rest
   * of the record is verified by the seal, and was sound before (`checkUnsealed`).
   */
  #isReplaceable(stored: Uint8Array, record: Uint8Array): boolean {
    if (this.#disk.isSealed) return record.length >= WORDS_BYTES;
    return isSound(this.place, stored, record);
  }

  #read(stored: Uint8Array): Uint8Array | undefined {
    try {
      return this.#disk.get(stored);
    } catch (cause) {
      this.#isDamaged = true;
      throw damageOf(this.shard, stored, cause);
    }
  }

  #tryRead(stored: Uint8Array): Uint8Array | undefined {
    try {
      return this.#disk.get(stored);
    } catch (cause) {
      this.#reportDamage(damageOf(this.shard, stored, cause));
      return undefined;
    }
  }

  #reportDamage(damage: StateDamage): void {
    this.#isDamaged = true;
    this.#onDamage(damage);
  }
}

function assertKey(section: number, key: Uint8Array): void {
  assert(section >= 0 && section < STATE_LIMITS.sections, 'a section is within its limit');
  assert(key.length <= ROW_LIMITS.keyBytesMax, 'a key is within its limit');
}
