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

/** A replica on its way, as the leader of its shard tells of it. */
export interface MoveInfo {
  readonly shard: number;
  /** Nodes; 0 where a replica only comes or only goes. */
  readonly from: number;
  readonly to: number;
  readonly phase: 'waiting' | 'snapshot' | 'entries' | 'leaving';
  /** Bytes of a snapshot, or entries. */
  readonly done: number;
  /** 0 if it is not known. */
  readonly total: number;
  readonly perSecond: number;
  /** A node that is not heard, or 0. */
  readonly waitsForNode: number;
}

export interface NodeInfo {
  readonly node: number;
  readonly cluster: string;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  readonly clients: number;
  readonly moves: readonly MoveInfo[];
  readonly replicas: readonly ReplicaInfo[];
  readonly log: { readonly liveBytes: number; readonly longestSyncMilliseconds: number };
}
