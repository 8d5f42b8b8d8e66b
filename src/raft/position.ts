/** Positions in a log. Two logs that agree on a position agree on everything before it (§5.3). */

export interface Position {
  readonly index: number;
  readonly term: number;
}

/** Before the first entry. */
export const ORIGIN: Position = { index: 0, term: 0 };
