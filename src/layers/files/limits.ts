/** The limits of a file system, and how they relate. */

const KIB = 1024;
const MIB = 1024 * KIB;

const BOUNDS = {
  /** A name, as UTF-8; with the identity of its folder it is a key. */
  nameBytesMax: 255,
  /** Folders on a path: a transaction reads all of them. */
  depthMax: 64,
  /** The name of a file system, as in the keys of all its records. */
  systemCharactersMax: 128,
  chunkBytesMin: KIB,
  /** The default limit of a value; a store with a smaller one refuses larger chunks. */
  chunkBytesMax: MIB,
  /** Chunks of one file: 4 TiB with chunks of the default size. */
  chunksMax: 2 ** 24,
  /** What `readFile` returns at once; larger files are read by `createReadStream`. */
  readBytesMax: 1024 * MIB,
  /** One call of `append`, which keeps its bytes to try again. */
  appendBytesMax: 64 * MIB,
  /** How long removed contents may be kept, and the lease of a writer may last. */
  retainMillisecondsMax: 20 * 24 * 3_600_000,
  writerMillisecondsMin: 1000,
  writerMillisecondsMax: 3_600_000,
} as const;

const TUNABLES = {
  chunkBytesDefault: 256 * KIB,
  /** A file of so many bytes or fewer is stored in the record of its name. */
  inlineBytesMax: KIB,
  /** Hashes in one piece of a manifest. */
  pieceChunks: 1024,
  /** The chunks of one batch of a writer; two batches are in memory, one of them being sent. */
  batchBytes: 2 * MIB,
  batchChunks: 64,
  /** Chunks that a reader has asked for ahead of its consumer. */
  aheadBytes: 4 * MIB,
  aheadChunks: 16,
  /** How long removed and replaced contents are kept for their readers. */
  retainMillisecondsDefault: 10 * 60_000,
  writerMillisecondsDefault: 30_000,
  /**
   * How long contents that were never linked are kept: longer than any request of their writer can
   * arrive late, so that none arrives behind the collection.
   */
  lateMilliseconds: 10 * 60_000,
  /** Records that a collection works on at a time. */
  collectedAtOnce: 16,
  folderPage: 256,
  /** Contents that an opener remembers to give up later. */
  unfinishedMax: 1024,
  /** Attempts of a call that met a change of the file by another client. */
  attemptsMax: 32,
} as const;

/** Bounds protect correctness and memory; tunables may change with a measurement. */
export const FILES_LIMITS = { ...BOUNDS, ...TUNABLES } as const;
