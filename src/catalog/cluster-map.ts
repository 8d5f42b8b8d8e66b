/** The map: everything the catalog knows, as every node and client holds it. */

import type { AccessTable } from '../access/access-table.ts';
import type { MemberId, NodeId, ShardId } from '../base/ids.ts';

/** The catalog's own shard. It has a row like the others, and no arc. */
export const CATALOG_SHARD = 0 as ShardId;

/** No node is preferred. */
export const NO_NODE = 0 as NodeId;

/** Chosen when the cluster was founded. */
export interface Settings {
  /** Data shards: equal arcs of the ring, numbered from 1 in the order of their arcs. */
  readonly shards: number;
  /** Replicas of each shard as soon as there are enough nodes. */
  readonly replicas: number;
}

/** How others reach a node, its name, and its capacity. */
export interface NodeDescription {
  /** Its name in the configuration; empty if it has none. For people: no decision uses it. */
  readonly name: string;
  /** Where other nodes reach it. */
  readonly peerUrl: string;
  /** Where clients reach it. */
  readonly clientUrl: string;
  /** Its capacity relative to other nodes. */
  readonly weight: number;
  /** Its zone: replicas of a shard are spread over zones. Empty if it has none. */
  readonly zone: string;
}

/** The properties of a node that the ring used for the goals. */
export interface Basis {
  /** The capacity of the node relative to others. */
  readonly weight: number;
  /** Its zone; empty if it has none. */
  readonly zone: string;
}

/** The basis, and what else the goals depend on: a drained node is given no leadership. */
export interface AimedBasis extends Basis {
  /** The goals gave it no leadership. */
  readonly isDrained: boolean;
}

/**
 * The operator's goal for a node; kept until it is reached or changed.
 * - `active`: it carries its share.
 * - `draining`: it hands leadership over, and moves replicas where other nodes have room for them.
 * - `removing`: it gives up everything, and its row is deleted when no shard lists it any more.
 */
export type NodeMembership = 'active' | 'draining' | 'removing';

/** A node of the cluster. */
export interface NodeRow extends NodeDescription {
  /** Its number, never used again. */
  readonly node: NodeId;
  /** Index of the entry that changed the row last; so for every row. */
  readonly revision: number;
  /**
   * The digest of the sixteen random bytes that the node drew when its data folder was made. Only
   * the digest, because every client sees the map.
   */
  readonly tokenDigest: Uint8Array;
  /** The last announced life: the number of the boot; 0 before the first. */
  readonly incarnation: number;
  /** And the random word of that boot. The next announced life must know it. */
  readonly life: number;
  /** Undefined until goals take the node into account. */
  readonly basis: AimedBasis | undefined;
  /** What the operator wants of it. */
  readonly membership: NodeMembership;
  /** The node that ran at this address before and lost its folder, or `NO_NODE`. */
  readonly replaces: NodeId;
}

/** One replica, on one node. */
export interface Member {
  /** The node that has the replica. */
  readonly node: NodeId;
  /** The id of the replica in its Raft group, never used again. */
  readonly member: MemberId;
  /** Unwanted members stay listed until a leader has reported a configuration without them. */
  readonly isWanted: boolean;
  /** A voter of the newest reported configuration. */
  readonly isVoter: boolean;
}

/** A shard: its arc, and where its replicas are. */
export interface ShardRow {
  /** Its number; 0 for the catalog. */
  readonly shard: ShardId;
  /** Index of the entry that changed the row last. */
  readonly revision: number;
  /** Changes with the arc, and when a user loses a right; never with the members. */
  readonly epoch: number;
  /** The start of its arc [from, to), which is empty for the catalog. */
  readonly from: number;
  /** The end of its arc, not included. */
  readonly to: number;
  /** The member that may begin the shard alone, until it is founded. */
  readonly founder: MemberId;
  /** Its Raft group has begun. */
  readonly isFounded: boolean;
  /**
   * The greatest term whose leader has reported. Only that leader changes the shard's
   * configuration, so no report of an earlier leader may drop a member.
   */
  readonly term: number;
  /** The nodes that shall hold the shard in the end, ascending: the ring's last proposal. */
  readonly goal: readonly NodeId[];
  /** The node of the goal that should lead, or `NO_NODE`. */
  readonly preferredNode: NodeId;
  /** In rising order of nodes; a node has one member of a shard at a time. */
  readonly members: readonly Member[];
}

/** All that the catalog knows. */
export interface ClusterMap {
  /** Index of the last entry of the catalog that changed anything here. */
  readonly version: number;
  /** The id of the cluster, drawn when it was founded. */
  readonly clusterId: string;
  /** Chosen when the cluster was founded. */
  readonly settings: Settings;
  /** The number of the next node. It only grows, so numbers are never reused. */
  readonly nextNode: NodeId;
  /** Index of the entry that set the goals last; 0 if none did. */
  readonly aimedAt: number;
  /** In rising order. */
  readonly nodes: readonly NodeRow[];
  /** Row i is of shard i. */
  readonly shards: readonly ShardRow[];
  /** Users, tokens and roles; absent before any were configured. */
  readonly access?: AccessTable;
}
