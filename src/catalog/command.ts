/** The commands of the catalog, and its replies. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import type { Lineage } from '../base/life.ts';
import type { AimedBasis, NodeDescription, NodeMembership, Settings } from './cluster-map.ts';

/** Founds the cluster. The proposer is its first node, and the founder of every shard. */
interface Found {
  readonly type: 'found';
  readonly clusterId: string;
  readonly settings: Settings;
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  /** The first member of each shard, drawn at random: the catalog's, then the data shards'. */
  readonly members: readonly MemberId[];
}

/** A data folder asks for a node number. */
export interface Join {
  readonly type: 'join';
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  /** Proves that the folder has the cluster secret; for the node that accepts the request. */
  readonly proof?: Uint8Array;
}

/** A node has started: its new life, and its addresses. */
interface Announce {
  readonly type: 'announce';
  readonly node: NodeId;
  readonly joinToken: Uint8Array;
  /** This life and those before it. */
  readonly lineage: Lineage;
  readonly description: NodeDescription;
}

/** The planner sets the goals of all shards, and names the nodes that they are based on. */
export interface Aim {
  readonly type: 'aim';
  /** `aimedAt` of the map that the planner saw. */
  readonly aimedAt: number;
  readonly nodes: readonly AimedNode[];
  /** One for each row of the map, in that order. */
  readonly shards: readonly AimedShard[];
}

export interface AimedNode extends AimedBasis {
  readonly node: NodeId;
}

export interface AimedShard {
  readonly goal: readonly NodeId[];
  readonly preferredNode: NodeId;
}

/** The members that a shard shall have from now on; its leader carries the change out. */
export interface PlaceMembers {
  readonly type: 'place';
  readonly shard: ShardId;
  readonly revision: number;
  readonly members: readonly PlacedMember[];
}

export interface PlacedMember {
  readonly node: NodeId;
  readonly member: MemberId;
}

/**
 * A leader reports its shard's configuration. Required: that configuration is the newest in its
 * log, is committed and is not joint, and an entry of the leader's own term is committed.
 */
export interface Report {
  readonly type: 'report';
  readonly shard: ShardId;
  readonly revision: number;
  readonly term: number;
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

/** A node reports that its member is unusable: its log or its state is damaged. */
interface Lose {
  readonly type: 'lose';
  readonly shard: ShardId;
  readonly member: MemberId;
}

/** The operator sets the goal of a node. */
export interface SetMembership {
  readonly type: 'set-membership';
  readonly node: NodeId;
  /** Of the row that the operator saw, so that a late copy does not undo a later command. */
  readonly revision: number;
  readonly membership: NodeMembership;
  /** The removal may leave the shards with fewer replicas than configured. */
  readonly isForced: boolean;
}

export type CatalogCommand =
  | Found
  | Join
  | Announce
  | Aim
  | PlaceMembers
  | Report
  | Lose
  | SetMembership;

export type CatalogRefusal =
  /** No cluster was founded here yet. */
  | 'not-founded'
  /** Another cluster, or the same one by another node. */
  | 'already-founded'
  | 'unknown-node'
  | 'unknown-shard'
  /** The data folder is not the one that got this number. */
  | 'wrong-token'
  /** The announced life does not follow the known ones: the folder is a copy of its past. */
  | 'older-copy'
  /** The row changed since it was read. */
  | 'stale-revision'
  /** A leader of a later term has reported. */
  | 'older-leader'
  /** No room for another node, or for another member of the shard. */
  | 'full'
  /** The command contradicts itself or the map. */
  | 'unsound'
  /** The bytes are no command. */
  | 'malformed'
  /** The node that the newcomer would replace is alive. From the catalog's leader. */
  | 'still-running'
  /** Another node has replaced this one. */
  | 'replaced'
  /** No other node could take over what this one holds. */
  | 'last-node'
  /** The shards would have fewer replicas than configured; only a forced removal does that. */
  | 'fewer-replicas'
  /**
   * The node is silent, and without it a shard has no majority that could copy its data. From the
   * catalog's leader.
   */
  | 'no-majority'
  /** Too many nodes have joined and never started: some of them may never do. */
  | 'too-many-newcomers'
  /** One side has a cluster secret that the other has not. From the asked node. */
  | 'wrong-secret';

export type CatalogReply =
  /**
   * In effect, now or since an earlier copy of the command: from `version` of the map on. `node` is
   * the number that founding and joining assign, else `NO_NODE`.
   */
  | { readonly type: 'done'; readonly version: number; readonly node: NodeId }
  /** Not in effect, and nothing changed. */
  | { readonly type: 'refused'; readonly reason: CatalogRefusal };
