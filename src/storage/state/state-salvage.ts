/** What a damaged state store still contains, shard by shard, and which rows cannot be trusted. */

import type { ShardId } from '../../base/ids.ts';
import { compare } from '../files/byte-order.ts';
import { keyNamed, type LevelRows, nameOf } from './level-rows.ts';
import type { DamagedKeys } from './level-table-check.ts';
import type { StateRow, StateWrite } from './state.ts';
import { isSameHash, type StateHash, StateSums } from './state-hash.ts';
import { KEY_KIND, keyOf, ownerOf, Place, PREFIX_BYTES, sectionOf, shardKey } from './state-key.ts';
import { decodeShardRecord, type RecordedState } from './state-meta.ts';
import { damageOf, isSound, valueIn, WORDS_BYTES } from './state-record.ts';

/** Keys whose rows are damaged, or may be outdated. */
interface Doubt {
  readonly section: number;
  readonly key: Uint8Array;
  readonly text: string;
}

export class SalvagedShard {
  readonly shard: ShardId;
  /** Undefined if the shard's record is damaged: the position of the rows is unknown. */
  readonly recorded: RecordedState | undefined;
  readonly #place: Place;
  readonly #rows = new Map<string, Uint8Array>();
  readonly #hidden: readonly DamagedKeys[];
  readonly doubts: Doubt[] = [];
  readonly #doubted = new Set<string>();
  /** The rows match the hash of the last checkpoint: none is missing, and none is outdated. */
  readonly isProven: boolean;

  constructor({ place, recorded, rows, hidden }: ShardParts) {
    this.shard = place.shard;
    this.recorded = recorded;
    this.#place = place;
    const sums = new StateSums();
    for (const [name, record] of rows) {
      const stored = keyNamed(name);
      if (isSound(place, stored, record)) {
        sums.add(sectionOf(stored), place, record);
        this.#rows.set(name, record);
      } else this.#doubt(stored, 'its checksum is wrong');
    }
    this.isProven = isEqual(sums.hash(), recorded?.hash);
    this.#hidden = this.isProven ? [] : hidden;
    for (const name of this.#rows.keys()) {
      const stored = keyNamed(name);
      if (!this.#isHidden(stored)) continue;
      this.#rows.delete(name);
      this.#doubt(stored, 'a newer value may be in a damaged block');
    }
  }

  /** Throws `StateDamage` for unknown values. */
  get(section: number, key: Uint8Array): Uint8Array | undefined {
    const stored = this.#place.key(section, key);
    const record = this.#rows.get(nameOf(stored));
    if (record !== undefined) return record.length === 0 ? undefined : valueIn(record);
    const isDoubted = this.#doubted.has(nameOf(stored));
    if (isDoubted || this.#isHidden(stored)) throw damageOf(this.shard, stored);
    return undefined;
  }

  /** Applies an entry: its keys are known from here on. */
  apply(writes: readonly StateWrite[]): void {
    for (const { section, key, value } of writes) {
      const record = new Uint8Array(value === undefined ? 0 : value.length + WORDS_BYTES);
      if (value !== undefined) record.set(value, WORDS_BYTES);
      this.#rows.set(nameOf(this.#place.key(section, key)), record);
    }
  }

  /** The effect of an entry on this key is unknown. */
  lose(section: number, key: Uint8Array, text: string): void {
    const stored = this.#place.key(section, key);
    this.#rows.delete(nameOf(stored));
    this.#doubt(stored, text);
  }

  /** Sound rows of a section, in the order of their keys. */
  rowsOf(section: number): readonly StateRow[] {
    const rows: StateRow[] = [];
    for (const [name, record] of this.#rows) {
      const stored = keyNamed(name);
      if (sectionOf(stored) !== section || record.length === 0) continue;
      rows.push({ key: keyOf(stored), value: valueIn(record) });
    }
    return rows.sort((one, other) => compare(one.key, 0, other.key, 0));
  }

  #doubt(stored: Uint8Array, text: string): void {
    this.#doubted.add(nameOf(stored));
    this.doubts.push({ section: sectionOf(stored), key: keyOf(stored), text });
  }

  #isHidden(stored: Uint8Array): boolean {
    return this.#hidden.some(({ after, last }) => {
      if (compare(stored, 0, last, 0) > 0) return false;
      return after === undefined || compare(stored, 0, after, 0) > 0;
    });
  }
}

interface ShardParts {
  readonly place: Place;
  readonly recorded: RecordedState | undefined;
  readonly rows: ReadonlyMap<string, Uint8Array>;
  /** Key ranges in which newer rows may be damaged. */
  readonly hidden: readonly DamagedKeys[];
}

function isEqual(one: StateHash | undefined, other: StateHash | undefined): boolean {
  return one !== undefined && other !== undefined && isSameHash(one, other);
}

/** In rising order. For a shard without a record, the newest generation counts. */
export function salvageShards({ rows, damages }: LevelRows): readonly SalvagedShard[] {
  const everything: DamagedKeys = { after: undefined, last: new Uint8Array(1).fill(0xff) };
  const hidden = damages.map(({ keys }) => keys ?? everything);
  const byPlace = new Map<string, Map<string, Uint8Array>>();
  const newest = new Map<ShardId, number>();
  const records = new Map<ShardId, ReturnType<typeof decodeShardRecord>>();
  for (const [name, record] of rows) {
    const stored = keyNamed(name);
    const { shard, generation } = ownerOf(stored);
    if (stored[0] === KEY_KIND.shard)
      records.set(shard, decodeShardRecord(shardKey(shard), record));
    if (stored[0] !== KEY_KIND.row) continue;
    newest.set(shard, Math.max(newest.get(shard) ?? 0, generation));
    const place = `${shard} ${generation}`;
    const own = byPlace.get(place) ?? new Map<string, Uint8Array>();
    byPlace.set(place, own.set(name, record));
  }
  const shards = [...new Set([...newest.keys(), ...records.keys()])];
  return shards
    .filter((shard) => records.get(shard)?.state !== undefined || !records.has(shard))
    .sort((one, other) => one - other)
    .map((shard) => {
      const record = records.get(shard);
      const generation = record?.generation ?? newest.get(shard) ?? 0;
      const own = byPlace.get(`${shard} ${generation}`) ?? new Map();
      const place = new Place(shard, generation);
      return new SalvagedShard({ place, recorded: record?.state, rows: own, hidden });
    });
}

/** The user's key in a stored key, which may be truncated; undefined for other kinds. */
export function userKeyIn(stored: Uint8Array | undefined): Uint8Array | undefined {
  const isRow = stored !== undefined && stored[0] === KEY_KIND.row && stored.length > PREFIX_BYTES;
  return isRow ? keyOf(stored) : undefined;
}
