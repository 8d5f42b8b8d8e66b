/** The report of a node: the fields that kvctl uses. */

export interface ReplicaInfo {
  readonly shard: number;
  readonly role: string;
  readonly term: number;
  /** 0 if the node knows no leader. */
  readonly leaderNode: number;
  readonly applied: number;
  readonly last: number;
  readonly lagEntries: number;
  /** Empty while the replica works. */
  readonly stopReason: string;
  /** Why it does not follow the leader of its shard; empty if it does follow. */
  readonly doubt: string;
  /** Its state is damaged or differs from the majority: it does not serve until it is replaced. */
  readonly isQuarantined: boolean;
}

/** A replica move in progress, as the leader of its shard reports it. */
export interface MoveInfo {
  readonly shard: number;
  /** Node numbers; 0 if a replica is only added or only removed. */
  readonly from: number;
  readonly to: number;
  readonly phase: 'waiting' | 'snapshot' | 'entries' | 'leaving';
  /** Bytes of a snapshot, or entries. */
  readonly done: number;
  /** 0 if unknown. */
  readonly total: number;
  readonly perSecond: number;
  /** A node that does not respond, or 0. */
  readonly waitsForNode: number;
}

interface AuditInfo {
  readonly isWorking: boolean;
  readonly lines: number;
  readonly dropped: number;
  readonly sequence: number;
  /** The hash of the last line, to be noted elsewhere. */
  readonly head: string;
}

export interface NodeInfo {
  readonly node: number;
  readonly cluster: string;
  /** It accepts only peers that have the cluster secret. */
  readonly isGuarded: boolean;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  readonly clients: number;
  /** Why its peers have not confirmed it since its start; empty once they have. */
  readonly unconfirmed: string;
  /** Shards that it leads whose replicas differ and have no agreeing majority. */
  readonly consistency: { readonly undecided: readonly number[] };
  readonly moves: readonly MoveInfo[];
  /** Watches that it serves: open streams, and entries that the slowest one is behind. */
  readonly watch: { readonly streams: number; readonly lagEntries: number };
  /** Leases, owners of locks and clients that wait for one, of the shards that it leads. */
  readonly coordination: {
    readonly leases: number;
    readonly owning: number;
    readonly waiting: number;
  };
  readonly replicas: readonly ReplicaInfo[];
  /** Absent if the node audits nothing, or is older. */
  readonly audit?: AuditInfo | undefined;
  readonly log: {
    readonly liveBytes: number;
    readonly longestSyncMilliseconds: number;
    /** Damaged places that it has found since its start. */
    readonly damages: number;
  };
}
