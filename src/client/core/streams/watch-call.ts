/** A watch as the core sees it: what it asks for, and the facts that it is told. */

import type { KeyChange } from '../../../machine/key-change.ts';
import type { StreamStart } from '../../../wire/request.ts';
import type { CallFailure } from '../call-failure.ts';
import type { KeyRange } from '../range.ts';

/** Index and term of an entry in the log of a shard. */
export type LogPosition = StreamStart['position'];

/**
 * How far one shard was told: everything through the position, and so many changes of the range
 * behind it. A message may carry several entries without their indexes; all replicas have the same
 * changes behind a position, so a count names a place among them.
 */
export interface StreamMark {
  readonly position: LogPosition;
  readonly skip: number;
}

/** The part of a resume token that belongs to one arc of the ring. */
interface ArcMark {
  readonly from: number;
  readonly to: number;
  readonly mark: StreamMark;
}

/** What a resume token holds. */
export interface ResumePoint {
  /** Two words of a hash of the cluster's id. */
  readonly cluster: readonly [number, number];
  /** In the order of the ring. */
  readonly arcs: readonly ArcMark[];
}

interface WatchTerms {
  readonly range: KeyRange;
  /** Where to continue; undefined to begin anew. */
  readonly resume: ResumePoint | undefined;
  /** The range itself comes first. Never with `resume`. */
  readonly isInitial: boolean;
  readonly keysOnly: boolean;
  /** What may wait for the consumer, of all shards together, and of each at least. */
  readonly bufferBytes: number;
  readonly shareBytesMin: number;
  /**
   * How many keys' versions the core remembers, to tell only differences after a re-read, and how
   * many bytes of such keys. Beyond that, and with 0, a re-read tells all rows.
   */
  readonly trackedKeysMax: number;
  readonly trackedBytesMax: number;
  readonly replicas: 'any' | 'leader';
  /** How long it may take to begin. A watch that has begun has no deadline. */
  readonly timeoutMilliseconds: number;
}

/**
 * What happens to a watch, in order. Places number its shards from 0.
 *
 * `began` comes once, before all others. After `failed` nothing comes.
 */
export type WatchFact =
  | { readonly type: 'began'; readonly arcs: readonly WatchedArc[]; readonly cluster: string }
  | ChangesFact
  /** The position moved, and no change is told. */
  | { readonly type: 'moved'; readonly place: number; readonly mark: StreamMark }
  /** All shards are read, and contain what was acknowledged before the watch, or its re-read. */
  | { readonly type: 'synced' }
  | { readonly type: 'progress' }
  /** Changes were lost. What follows through `synced` is a re-read: differences, or all rows. */
  | {
      readonly type: 'compacted';
      readonly differences: boolean;
      /** The shard that is read again; undefined for all of them. */
      readonly place: number | undefined;
    }
  /** The buffer was full for so long. Comes before what waits in it. */
  | { readonly type: 'lagging'; readonly milliseconds: number }
  /** Everything that was acknowledged before this `sync` has been told. */
  | { readonly type: 'reached'; readonly sync: SyncCall }
  | { readonly type: 'failed'; readonly failure: CallFailure };

/** An arc of the ring: positions in [from, to). */
export interface WatchedArc {
  readonly from: number;
  readonly to: number;
}

/** Changes of one shard, in order. At least one. */
export interface ChangesFact {
  readonly type: 'changes';
  readonly place: number;
  readonly shard: number;
  readonly changes: readonly KeyChange[];
  /** They are rows of the range, and keys that a re-read did not find any more. */
  readonly isFromRead: boolean;
  /** To be returned to the core once all of them were consumed. */
  readonly bytes: number;
  /** Before and behind them; undefined while the shard is being read. */
  readonly before: StreamMark | undefined;
  readonly through: StreamMark | undefined;
}

/** The core keeps one for each watch, by identity. */
export interface WatchCall {
  readonly terms: WatchTerms;
  /** Must not call back. */
  readonly deliver: (fact: WatchFact) => void;
}

/** A caller that waits until it has been told everything that was acknowledged before. */
export interface SyncCall {
  readonly timeoutMilliseconds: number;
  /** Called once: without a failure by the consumer of `reached`, else by the core. */
  readonly settle: (failure?: CallFailure) => void;
  isOver: boolean;
}
