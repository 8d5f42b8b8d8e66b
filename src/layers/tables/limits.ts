/** The limits of the tables layer. */

export const TABLE_LIMITS = {
  /** Of a key of this layer, without the name of the space: 4096 less room for that name. */
  keyBytesMax: 3584,
  /** Fields of a key or of an index. */
  fieldsMax: 16,
  /** Indexes of one table, those that are being built included. */
  indexesMax: 64,
  /** Elements of an array that a multi-entry index has entries of. */
  elementsMax: 256,
  /** Rows of one page of `find`. */
  pageRowsMax: 10_000,
  pageRowsDefault: 1000,
  /** Rows that `find` may sort in memory. */
  sortedRowsMax: 10_000,
  /** Index entries whose rows are read together. */
  chunkRows: 64,
  /** Rows of one transaction of an index build. */
  buildRows: 32,
  /** Runs of that transaction before it is split in two. */
  buildAttempts: 3,
  /** Rows with equal values that a failed build of a unique index lists. */
  duplicatesKept: 100,
  /** Times that a call reads the catalog again because it has changed meanwhile. */
  reloadsMax: 8,
  /** Index entries outlive their rows by this, because each shard has its own log time. */
  entryLifeMilliseconds: 600_000,
  ttlMillisecondsMax: 10 * 365 * 86_400_000,
  /** Prefixes of tables and indexes that are kept encoded. */
  prefixesMax: 4096,
  /** Rows that one live query remembers. */
  liveRowsMax: 100_000,
} as const;
