/**
 * Histories of watches: what was true of each shard, and what each watcher was given. Keys are
 * compared as text, so histories use ASCII.
 */

/** A change of one key, as the rows of its shard show it. */
export interface TrueChange {
  readonly key: string;
  readonly type: 'set' | 'delete' | 'expire';
  /** Of an expiry. */
  readonly cause?: 'ttl' | 'lease';
  /** The version before it; 0 for none. */
  readonly previous: number;
  /** Of a set. */
  readonly version?: number;
  readonly value?: string;
  /** Of one command or transaction, over all shards; different for any two. */
  readonly group: string;
}

/** The changes of one entry, in their order. Entries without changes may be left out. */
export interface TrueEntry {
  readonly index: number;
  readonly changes: readonly TrueChange[];
}

export interface Position {
  readonly index: number;
  readonly term: number;
  /** Changes of the range behind the entry that are covered too; 0 unless told. */
  readonly skip?: number;
}

export type Positions = ReadonlyMap<number, Position>;

/** Made visible by this entry, and known to its caller at this time. */
export interface Acknowledged {
  readonly key: string;
  readonly index: number;
  readonly at: number;
}

/** From this time on a replica did not cover positions below this index. */
export interface Floor {
  readonly shard: number;
  readonly index: number;
  readonly at: number;
}

export interface WatchWorld {
  /** By shard, in the order of the log, from its first entry on. */
  readonly shards: ReadonlyMap<number, readonly TrueEntry[]>;
  readonly shardOf: (key: string) => number;
  /** The term of an entry; undefined if it is not known. */
  readonly termOf?: (shard: number, index: number) => number | undefined;
  readonly acknowledged: readonly Acknowledged[];
  readonly floors: readonly Floor[];
}

interface Moment {
  readonly at: number;
  /** Behind this event, where the watcher took one. */
  readonly token?: Positions;
}

interface KeyEvent extends Moment {
  readonly key: string;
  readonly previousVersion: number;
  /** Empty for what a re-read or an initial read found. */
  readonly transaction: string;
  readonly isLast: boolean;
}

export interface SetEvent extends KeyEvent {
  readonly type: 'set';
  readonly value: string | undefined;
  readonly version: number;
  readonly isInitial: boolean;
}

export type GivenChange =
  | SetEvent
  | (KeyEvent & { readonly type: 'delete' })
  | (KeyEvent & { readonly type: 'expire'; readonly cause: 'ttl' | 'lease' });

export type Given =
  | GivenChange
  | (Moment & { readonly type: 'synced' | 'progress' | 'lagging' })
  /** Of one shard, or of all. */
  | (Moment & {
      readonly type: 'compacted';
      readonly differences: boolean;
      readonly shard?: number | undefined;
    })
  /** A call of `sync` returned; `asked` is when it was made. */
  | (Moment & { readonly type: 'sync'; readonly asked: number });

/** One call of `watch`, and all that it yielded. */
export interface Watching {
  readonly name: string;
  readonly from: string;
  /** Undefined: there is no upper end. */
  readonly to: string | undefined;
  readonly begunAt: number;
  /** `now`: without the initial state. Positions: those of the token that it resumed. */
  readonly start: 'initial' | 'now' | Positions;
  readonly isKeysOnly?: boolean;
  readonly given: readonly Given[];
  /** The cluster was idle for long: whatever happened must have been yielded. */
  readonly isComplete?: boolean;
}

export function isChange(event: Given): event is GivenChange {
  return event.type === 'set' || event.type === 'delete' || event.type === 'expire';
}

export function isInRange({ from, to }: Pick<Watching, 'from' | 'to'>, key: string): boolean {
  return from <= key && (to === undefined || key < to);
}

/** A change with its place in its shard. */
export interface Placed {
  readonly index: number;
  readonly change: TrueChange;
  /** The last one of its group that lies in the range. */
  isLast: boolean;
}

/** The changes of a range in one shard, in order. */
export function placedIn(
  entries: readonly TrueEntry[],
  range: Pick<Watching, 'from' | 'to'>,
): readonly Placed[] {
  const placed: Placed[] = [];
  for (const { index, changes } of entries) {
    for (const change of changes) {
      if (!isInRange(range, change.key)) continue;
      const before = placed.at(-1);
      if (before?.index === index && before.change.group === change.group) before.isLast = false;
      placed.push({ index, change, isLast: true });
    }
  }
  return placed;
}

/** A version of a key begins once and ends once. */
export function identityOf(change: TrueChange | GivenChange): string {
  if (change.type === 'set') return `${change.key} begins ${change.version}`;
  const previous = 'previous' in change ? change.previous : change.previousVersion;
  return `${change.key} ends ${previous}`;
}
