/** What a node tells of itself, as far as kvctl looks at it. */

export interface ReplicaInfo {
  readonly shard: number;
  readonly role: string;
  readonly term: number;
  /** 0 if it knows none. */
  readonly leaderNode: number;
  readonly applied: number;
  readonly last: number;
  readonly lagEntries: number;
  /** Empty while it works. */
  readonly stopReason: string;
}

export interface NodeInfo {
  readonly node: number;
  readonly cluster: string;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  readonly clients: number;
  readonly replicas: readonly ReplicaInfo[];
  readonly log: { readonly liveBytes: number; readonly longestSyncMilliseconds: number };
}
