/**
 * The state of all shards of a node: what a machine reads and writes, and the guarantees for it.
 *
 * Rows are ordered by shard, section and key. A section is a part of a machine's data (values,
 * sessions, prepared writes ...), numbered by the machine. Everything the machine knows is here:
 * one state, one serialization, one hash.
 *
 * - **Applying** is synchronous and touches memory only: the memtable. The writes of an entry are
 *   applied together, with its position; entries come without a gap. The caller asks `hasRoom`
 *   before each entry; without room the disk is behind and applying waits. Bytes are copied.
 * - **Point reads** are synchronous: the memtable, then the frozen memtable, then the disk.
 * - **Ordered reads** go through a view. They are made in slices, because cold rows are read on
 *   another thread. A view does not change, so a range that belongs to an entry is read from a view
 *   opened when that entry was applied, and its answer follows later.
 * - **A checkpoint** is one atomic write for all shards: rows, positions, configurations, hashes.
 *   After a crash the store is exactly at a checkpoint. It is written when the memtables are large
 *   or old enough, and only once the log is durable up to it.
 * - **Damage** is never served. A read of a row with a wrong checksum throws `StateDamage`, which
 *   names the row; damage found in the background is reported to `onDamage`. Rewriting the row does
 *   not repair the shard, because its hash is unknown: a snapshot replaces it.
 * - **The store does nothing on its own.** `work` does one slice. The driver calls it once in a
 *   turn while it returns `again`, and in the turn after each `onProgress`.
 */

import type { ShardId } from '../../base/ids.ts';
import type { Configuration } from '../../raft/configuration.ts';
import type { SnapshotDescription } from '../../raft/message.ts';
import type { Position } from '../../raft/position.ts';
import type { ReadLimits } from './state-disk.ts';

/** A value, or undefined for a deletion. */
export interface StateWrite {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** The effect of one entry, in order; a later write to a key replaces an earlier one. */
export interface AppliedEntry {
  readonly position: Position;
  /** Set if the entry changed it; in force from here on. */
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

/**
 * A shard as of the time when the view was opened. The number of open views is limited: close them.
 */
export interface StateView {
  readonly description: SnapshotDescription;
  get(section: number, key: Uint8Array): Uint8Array | undefined;
  cursor(range: StateRange): StateCursor;
  close(): void;
}

export interface StateCursor {
  /**
   * Reads the next rows in order, none only at the end. Calls `done` once: within the call if the
   * rows are in memory, later if the disk must be read, never after `close`. One call at a time.
   */
  next(limits: ReadLimits, done: (rows: readonly StateRow[] | StateDamage) => void): void;
  close(): void;
}

/** A damaged row; without a row, the rows of a shard do not match its hash. */
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
  if (row === undefined) return ': its rows on disk are incomplete or outdated';
  const hex = Array.from(row.key, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `, section ${row.section}, key 0x${hex} is damaged on disk`;
}

/** The folder cannot be used; the text says what to do. */
export class StateUnusable extends Error {
  override readonly name = 'StateUnusable';
  readonly code = 'state-unusable';

  constructor({ name, problem, cause }: UnusableStore) {
    super(`the state store in ${name} ${problem}. ${ADVICE}`, { cause });
  }
}

/** Files of the store are damaged: it can be rebuilt, or its intact rows salvaged. */
export class StateStoreDamaged extends Error {
  override readonly name = 'StateStoreDamaged';
  readonly code = 'state-store-damaged';
  /** One text for each damaged place. */
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

/** The number of damaged places that a message lists. */
const PLACES_MAX = 4;

/** The store ran out of space during a write, and there is space to reopen it. */
export class SpaceReturned extends Error {
  override readonly name = 'SpaceReturned';

  constructor(cause: unknown) {
    super('it ran out of space and cannot write. There is space again: restart it', {
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
  'Nothing was changed in it. Check that it is the right folder and that its disk works; ' +
  'or restore an intact copy of the whole data folder; or delete the whole data folder and let ' +
  'the node rejoin as a new member, which the other nodes supply with data';
