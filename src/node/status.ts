/** What a node reports about itself, for people and their tools. */

import type { AuditProgress } from '../audit/record.ts';
import type { ShardId } from '../base/ids.ts';
import { doubtOf } from '../shard/stop-reason.ts';
import type { ConsistencyCheck } from './consistency-check.ts';
import type { LeaseSweep } from './lease-sweep.ts';
import type { MoveInfo } from './moves.ts';
import type { NodeState } from './node-state.ts';
import type { OwnLife } from './own-life.ts';
import type { Reconciler } from './reconciler.ts';
import type { Relay } from './relay.ts';
import type { StorageQuotas, StorageUseInfo } from './storage-quotas.ts';
import type { UserUseInfo } from './user-use.ts';

interface ReplicaInfo {
  readonly shard: ShardId;
  readonly role: string;
  readonly term: number;
  readonly leaderNode: number;
  readonly commit: number;
  readonly applied: number;
  readonly last: number;
  /** The last epoch that it has adopted. */
  readonly epoch: number;
  readonly isQuiet: boolean;
  readonly voters: number;
  readonly learners: number;
  /** Members that the leader has not heard for a while; 0 on a follower. */
  readonly silentMembers: number;
  /** Entries that the slowest heard follower lacks; 0 on a follower. */
  readonly lagEntries: number;
  readonly stopReason: string;
  /** Why it does not follow the leader of its shard; empty if it does. */
  readonly doubt: string;
  /** Its state is damaged or differs: it serves nothing until the state is replaced. */
  readonly isQuarantined: boolean;
}

export interface NodeInfo {
  readonly node: number;
  readonly incarnation: number;
  readonly cluster: string;
  readonly mapVersion: number;
  /** Only nodes with the cluster secret, or with a certificate, are its peers. */
  readonly isGuarded: boolean;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  /** Why this life of the node is not confirmed yet; empty once it is. */
  readonly unconfirmed: string;
  readonly clients: number;
  /** With access control: the users with the most requests, since the start of the node. */
  readonly users: readonly UserUseInfo[];
  /** With access control: what is stored where users with storage limits may write. */
  readonly stored: readonly StorageUseInfo[];
  readonly silentNodes: readonly number[];
  readonly replicas: readonly ReplicaInfo[];
  readonly log: {
    readonly segments: number;
    readonly liveBytes: number;
    readonly bytesWritten: number;
    readonly batches: number;
    readonly lastSyncMilliseconds: number;
    readonly longestSyncMilliseconds: number;
    /** Damaged places found since the start. */
    readonly damages: number;
    /** Free bytes of the disk, at the last look. */
    readonly freeBytes: number | undefined;
  };
  readonly memtableBytes: number;
  /** Accepted and unanswered requests: here, and forwarded to other nodes. */
  readonly requests: { readonly waiting: number; readonly forwarded: number };
  /** Comparisons of the states of replicas, by the leaders here since the start. */
  readonly consistency: {
    readonly compared: number;
    readonly diverged: number;
    /** Shards whose replicas differ without a majority that agrees. */
    readonly undecided: readonly number[];
  };
  /** Replicas in transfer, of the shards that are led here. */
  readonly moves: readonly MoveInfo[];
  readonly watch: WatchInfo;
  readonly coordination: CoordinationInfo;
  /** Scans and snapshots that hold a view of the store. */
  readonly openViews: number;
  /** Undefined if nothing is audited. */
  readonly audit: AuditProgress | undefined;
}

/** The streams of changes that the node serves. Totals count from its start. */
interface WatchInfo {
  readonly streams: number;
  /** Different watched ranges, by shard. */
  readonly ranges: number;
  /** Entries that the slowest stream is behind the replica that serves it. */
  readonly lagEntries: number;
  readonly messages: number;
  readonly bytes: number;
  /** Streams that ended because the history does not reach back far enough. */
  readonly gone: number;
  /** Memory of the histories. */
  readonly historyBytes: number;
}

/** Leases and locks of the shards that are led here. Totals count from the start of the node. */
interface CoordinationInfo {
  readonly leases: number;
  /** Ended leases that no operation may open again. */
  readonly tombstones: number;
  /** Tickets that own their locks, and tickets that wait. */
  readonly owning: number;
  readonly waiting: number;
  /** Requests that wait for tickets. */
  readonly awaiting: number;
  /** Leases that entries kept alive, one by one. */
  readonly kept: number;
  /** Tickets that waited, and then owned their locks. */
  readonly granted: number;
  /** Guarded writes that were refused, because a newer owner of their lock has written. */
  readonly fenced: number;
  /** Leases that ended because their time was over. */
  readonly expired: number;
}

interface Parts {
  readonly state: NodeState;
  readonly relay: Relay;
  readonly ownLife: OwnLife;
  readonly consistency: ConsistencyCheck;
  readonly reconciler: Reconciler;
  readonly leaseSweep: LeaseSweep;
  readonly auditProgress: AuditProgress | undefined;
  readonly quotas: StorageQuotas;
}

export function infoOf(parts: Parts): NodeInfo {
  const { state, relay, ownLife, consistency, reconciler } = parts;
  const { log, peers, now, map } = state;
  const {
    segments,
    liveBytes,
    bytesWritten,
    batches,
    lastSyncMilliseconds,
    longestSyncMilliseconds,
    freeBytes,
  } = log.metrics();
  return {
    node: state.self.node,
    incarnation: log.incarnation,
    cluster: map?.clusterId ?? '',
    mapVersion: map?.version ?? 0,
    isGuarded: state.isGuarded,
    isReadOnly: state.isReadOnly,
    isClosing: state.isClosing,
    unconfirmed: ownLife.reason,
    clients: state.clients.size,
    users: state.clients.users.infos(),
    stored: parts.quotas.infos(),
    silentNodes: peers.nodes.filter((node) => !peers.isHeard(node, now)),
    replicas: [...state.replicas.all].map((replica) => replicaInfoOf(state, replica.shard)),
    log: {
      segments,
      liveBytes,
      bytesWritten,
      batches,
      lastSyncMilliseconds,
      longestSyncMilliseconds,
      damages: log.damage.length,
      freeBytes,
    },
    memtableBytes: state.store.memtableBytes,
    requests: { waiting: waitingOn(state), forwarded: relay.forwards.size },
    consistency: consistencyOf(consistency),
    moves: reconciler.moves(),
    watch: watchInfoOf(state),
    coordination: coordinationInfoOf(parts),
    openViews: state.store.openViews,
    audit: parts.auditProgress,
  };
}

function watchInfoOf({ streams: totals, replicas, histories }: NodeState): WatchInfo {
  let ranges = 0;
  let lagEntries = 0;
  for (const { watching, watchLagEntries } of replicas.all) {
    ranges += watching.ranges;
    lagEntries = Math.max(lagEntries, watchLagEntries);
  }
  return { ...totals, ranges, lagEntries, historyBytes: histories.bytes };
}

function coordinationInfoOf({ state, leaseSweep }: Parts): CoordinationInfo {
  const sum = { leases: 0, tombstones: 0, owning: 0, waiting: 0, awaiting: 0 };
  for (const replica of state.replicas.all) {
    const { coordination } = replica.machine;
    if (!replica.isLeader || coordination === undefined) continue;
    const { waiting, size } = coordination.tickets;
    sum.leases += coordination.leases.size;
    sum.tombstones += coordination.tombstones.size;
    sum.owning += size - waiting;
    sum.waiting += waiting;
    sum.awaiting += replica.awaiting;
  }
  return { ...sum, ...state.leases, expired: leaseSweep.expired };
}

function consistencyOf(check: ConsistencyCheck): NodeInfo['consistency'] {
  const { compared, diverged, undecided } = check;
  return { compared, diverged, undecided };
}

function waitingOn({ replicas }: NodeState): number {
  let waiting = 0;
  for (const replica of replicas.all) waiting += replica.waiting;
  return waiting;
}

function replicaInfoOf(state: NodeState, shard: ShardId): ReplicaInfo {
  const replica = state.replicas.get(shard);
  if (replica === undefined) throw new RangeError(`no replica of shard ${shard}`);
  const status = replica.status();
  const { voters, learners } = status.configuration.configuration;
  const heard = status.followers.filter(({ isActive }) => isActive || status.isQuiet);
  return {
    shard,
    role: status.role,
    term: status.term,
    leaderNode: state.nodeNumberOf(shard, status.leader),
    commit: status.commit,
    applied: status.applied,
    last: status.last.index,
    epoch: replica.machine.epoch ?? 0,
    isQuiet: status.isQuiet,
    voters: voters.length,
    learners: learners.length,
    silentMembers: status.followers.length - heard.length,
    lagEntries: Math.max(0, ...heard.map(({ match }) => status.last.index - match)),
    stopReason: replica.stopReason,
    doubt: doubtOf(status),
    isQuarantined: replica.isCorrupt,
  };
}
