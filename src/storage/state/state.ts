/**
 * The state of all shards of a node: what a machine reads, what it writes, what is promised.
 *
 * Rows are ordered by shard, section and key. A section is a room of a machine's data (values,
 * sessions, prepared writes ...), numbered by the machine. Everything the machine knows is here:
 * one state, one serializer, one hash.
 *
 * - **Applying** is synchronous and touches memory only: the memtable. An entry's writes go in as
 *   one, with its position; entries come without a gap. Before each entry the caller asks
 *   `hasRoom`; without it the disk is behind and applying waits. Bytes are copied.
 * - **Point reads** are synchronous: the memtable, then the frozen one, then the disk.
 * - **Ordered reads** go through a view. They are made in slices, because what is cold is read off
 *   this thread; the view stands still meanwhile, so a range that belongs to an entry is read from
 *   a view taken when that entry was applied, and its answer follows later.
 * - **A checkpoint** is one atomic write for all shards: rows, positions, configurations, hashes.
 *   After a crash the store is exactly at a checkpoint. It is written when the memtable is big or
 *   old enough, and only once the log holds durably all that it covers.
 * - **Damage** is never served. A row whose checksum is wrong makes a read throw `StateDamage`,
 *   which names it; found in the background, it is told to `onDamage`. Rewriting the row does not
 *   heal the shard, because its hash is no longer known: it is replaced by a snapshot.
 * - **Nothing happens by itself.** `work` does one slice, and the driver calls it once in a turn
 *   while it answers `again`, and in the turn after each `onProgress`.
 */

import type { ShardId } from '../../base/ids.ts';
import type { Configuration } from '../../raft/configuration.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { Position } from '../../raft/position.ts';
import type { ReadLimits } from './state-disk.ts';

/** A value, or undefined where the key goes. */
export interface StateWrite {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** What one entry did, in order; a later write to a key replaces an earlier one. */
export interface AppliedEntry {
  readonly position: Position;
  /** If the entry changed it; in force from here on. */
  readonly configuration: Configuration | undefined;
  readonly writes: readonly StateWrite[];
}

export interface StateRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys in [from, to) of a section; undefined leaves an end open. */
export interface StateRange {
  readonly section: number;
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
  readonly isReverse: boolean;
}

/** A shard as it was when the view was taken. Open views are counted and bounded: close them. */
export interface StateView {
  readonly description: SnapshotDescription;
  get(section: number, key: Uint8Array): Uint8Array | undefined;
  cursor(range: StateRange): StateCursor;
  close(): void;
}

export interface StateCursor {
  /**
   * The next rows in order, none only at the end. Reported once: at once when they are at hand,
   * later when the disk must be asked, never after `close`. One call at a time.
   */
  next(limits: ReadLimits, done: (rows: readonly StateRow[] | StateDamage) => void): void;
  close(): void;
}

/** A row that is not what was written; without a row, the rows of a shard together are not. */
export class StateDamage extends Error {
  override readonly name = 'StateDamage';
  readonly code = 'state-damaged';
  readonly shard: ShardId;
  readonly row: DamagedRow | undefined;

  constructor({ shard, row, cause }: DamagedPlace) {
    super(`shard ${shard}${textOf(row)}`, { cause });
    this.shard = shard;
    this.row = row;
  }
}

interface DamagedRow {
  readonly section: number;
  readonly key: Uint8Array;
}

interface DamagedPlace {
  readonly shard: ShardId;
  readonly row?: DamagedRow;
  readonly cause?: unknown;
}

function textOf(row: DamagedRow | undefined): string {
  if (row === undefined) return ': rows are missing on disk, or are not the newest ones';
  const hex = Array.from(row.key, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `, section ${row.section}, key 0x${hex} is damaged on disk`;
}

/** The folder cannot be used as it is; the text says what to do. */
export class StateUnusable extends Error {
  override readonly name = 'StateUnusable';
  readonly code = 'state-unusable';

  constructor({ name, problem, cause }: UnusableStore) {
    super(`the state store in ${name} ${problem}. ${ADVICE}`, { cause });
  }
}

/** Files of the store are not what was written: it can be made again, or what is sound saved. */
export class StateStoreDamaged extends Error {
  override readonly name = 'StateStoreDamaged';
  readonly code = 'state-store-damaged';
  /** One place each, for people. */
  readonly places: readonly string[];

  constructor({ name, places, cause }: DamagedStore) {
    const more = places.length - PLACES_MAX;
    const shown = [...places.slice(0, PLACES_MAX), ...(more > 0 ? [`and ${more} more`] : [])];
    super(`the state store in ${name} is damaged: ${shown.join('; ')}`, { cause });
    this.places = places;
  }
}

interface DamagedStore {
  readonly name: string;
  readonly places: readonly string[];
  readonly cause?: unknown;
}

/** Places of damage that are told one by one. */
const PLACES_MAX = 4;

/** The store ran out of space in the middle of a write, and there is room to open it anew. */
export class SpaceReturned extends Error {
  override readonly name = 'SpaceReturned';

  constructor(cause: unknown) {
    super('it ran out of space and takes no more writes. There is room again: start it again', {
      cause,
    });
  }
}

interface UnusableStore {
  readonly name: string;
  readonly problem: string;
  readonly cause?: unknown;
}

const ADVICE =
  'Nothing was changed in it. Look whether it is the right folder and whether its disk is sound; ' +
  'or put back an intact copy of the whole data folder; or remove the whole data folder and let ' +
  'the node join again as a new member, to be fed by the others';
