/** The format of a history of transactions on lists. */

export type Key = number | string;

/** Each element is appended to a key once at most, so a list shows who wrote it and when. */
export interface AppendOperation {
  readonly type: 'append';
  readonly key: Key;
  readonly element: number;
}

/** The whole list at that instant, own appends included; undefined if it is not known. */
export interface ReadOperation {
  readonly type: 'read';
  readonly key: Key;
  readonly list: readonly number[] | undefined;
}

export type MicroOperation = AppendOperation | ReadOperation;

export interface Transaction {
  /**
   * The process. A process does one thing at a time, so its intervals that touch are in the order
   * of their beginnings, whereas those of different processes that touch overlap.
   */
  readonly process: number;
  readonly invokedAt: number;
  /** Not before `invokedAt`, and infinite if the outcome is unknown. */
  readonly completedAt: number;
  /** It took effect, it never did and never will, or either. */
  readonly outcome: 'ok' | 'failed' | 'unknown';
  readonly operations: readonly MicroOperation[];
}

const SHOWN_MAX = 8;

/** A list as text, of a long one only the end. */
export function describeList(list: readonly number[]): string {
  if (list.length <= SHOWN_MAX) return `[${list.join(' ')}]`;
  return `[... ${list.slice(-SHOWN_MAX).join(' ')}]`;
}
