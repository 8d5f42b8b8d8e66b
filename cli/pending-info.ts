/** What a node tells of transactions that wait, as far as kvctl looks at it. */

export interface PendingPart {
  readonly id: string;
  /** The shard that says so. */
  readonly shard: number;
  readonly state: string;
  readonly milliseconds: number;
  readonly age: number;
  /** The home shard stands first. */
  readonly participants: readonly PendingParticipant[];
  /** Keys that it holds in this shard. */
  readonly keys: number;
}

export interface PendingParticipant {
  readonly shard: number;
  readonly position: number;
  readonly deadline: number;
}

export interface PendingInfo {
  readonly node: number;
  readonly transactions: readonly PendingPart[];
}
