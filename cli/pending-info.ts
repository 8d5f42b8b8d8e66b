/** The report of a node on pending transactions: the fields that kvctl uses. */

export interface PendingPart {
  readonly id: string;
  /** The reporting shard. */
  readonly shard: number;
  readonly state: string;
  readonly milliseconds: number;
  readonly age: number;
  /** The coordinator's shard comes first. */
  readonly participants: readonly PendingParticipant[];
  /** Number of keys that it locks in this shard. */
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
