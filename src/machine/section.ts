/** The sections of a machine's state, and how it reads and writes them. */

/** Sections of the state. A number is never given a second meaning. */
export const SECTION = {
  /** A client's key: its row. */
  values: 0,
  /** A client's id: how long its session is kept. */
  sessions: 1,
  /** The due time of a key, and the key: no value. In order, the earliest is the first. */
  expiries: 2,
  /** One row at the empty key: the shard's metadata. */
  metadata: 3,
  /** A number: a prepared part, which locks its keys until it is resolved. */
  prepared: 4,
  /** A number: a decision, until all participants have acknowledged it. */
  decisions: 5,
  /** A client's id and a slot: the results of the last request of the slot. */
  replies: 6,
  /** A number: a lease. */
  leases: 7,
  /** A number: a ticket at a lock, waiting or owning. */
  tickets: 8,
  /** The id of a lease, and a client's key that was attached to it: no value. */
  attachments: 9,
  /** The name of a lock: the highest token of its guarded writes. At the empty key their count. */
  fences: 10,
  /** A number: the id of a lease that has ended, as long as no operation may open it again. */
  tombstones: 11,
} as const;

/** A value, or undefined to delete the key. */
export interface RowWrite {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** Of a deleted client's key: the version of its row. Absent if any row may have been deleted. */
  readonly removed?: number;
}

/**
 * The state after all entries before the present one. Its bytes are not changed as long as the
 * machine may look at them, which is until `apply` returns.
 */
export interface StateSource {
  /** `LOST` for a value of a user that was there and cannot be recovered. */
  get(section: number, key: Uint8Array): Uint8Array | undefined;
}

/** Recognized by identity: no row is this array. */
export const LOST = new Uint8Array(0);
