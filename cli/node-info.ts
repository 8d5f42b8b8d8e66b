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
  /** Why it does not follow the leader of its shard; empty if it does. */
  readonly doubt: string;
  /** Its state is damaged, or differs from most: it serves nothing until it has another. */
  readonly isQuarantined: boolean;
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
  /** Only nodes with the secret of the cluster are its peers. */
  readonly isGuarded: boolean;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  readonly clients: number;
  /** Why it vouches for nothing yet since its start; empty once other nodes have confirmed it. */
  readonly unconfirmed: string;
  /** Shards that it leads whose replicas differ without a majority that agrees. */
  readonly consistency: { readonly undecided: readonly number[] };
  readonly moves: readonly MoveInfo[];
  readonly replicas: readonly ReplicaInfo[];
  readonly log: {
    readonly liveBytes: number;
    readonly longestSyncMilliseconds: number;
    /** Places that are not what was written, as found since its start. */
    readonly damages: number;
  };
}
