/** Where a machine keeps what it knows: the sections of its state, how it reads and writes. */

/** Rooms of the state. A number is never given a second meaning. */
export const SECTION = {
  /** A client's key: its row. */
  values: 0,
  /** A client's id: how long what is remembered of it is kept. */
  sessions: 1,
  /** When a key is due, and the key: nothing. In order, the earliest is the first. */
  expiries: 2,
  /** One row at the empty key: what the machine knows of itself. */
  metadata: 3,
  /** A number: a part of a transaction that is ready, and holds its keys until it is resolved. */
  prepared: 4,
  /** A number: what became of a transaction, until all who take part in it have heard. */
  decisions: 5,
  /** A client's id and a slot: what became of the request that used the slot last. */
  replies: 6,
} as const;

/** A value, or undefined where the key goes. */
export interface RowWrite {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** Of a client's key that goes: the version of its row. Without it, any row may have gone. */
  readonly removed?: number;
}

/**
 * The state as all entries before the present one left it. Bytes that it gives are not changed as
 * long as the machine may look at them, which is until `apply` returns.
 */
export interface StateSource {
  /** `LOST` for a value of a user that was there, and that nothing can tell any more. */
  get(section: number, key: Uint8Array): Uint8Array | undefined;
}

/** Known by its identity: no row is these bytes. */
export const LOST = new Uint8Array(0);

export const NO_BYTES = new Uint8Array(0);
