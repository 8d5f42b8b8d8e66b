/** What can be asked of the catalog, and what it answers. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import type { Lineage } from '../base/life.ts';
import type { AimedBasis, NodeDescription, NodeMembership, Settings } from './cluster-map.ts';

/** Begins the cluster. The proposer is its first node, and the founder of every shard. */
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
  /** That it has the secret of the cluster; for the node that takes it, and nothing to the map. */
  readonly proof?: Uint8Array;
}

/** A node has started: this is its new life, and where it is to be found. */
interface Announce {
  readonly type: 'announce';
  readonly node: NodeId;
  readonly joinToken: Uint8Array;
  /** This life and those before it. */
  readonly lineage: Lineage;
  readonly description: NodeDescription;
}

/** The planner says where all shards shall lie in the end, and for which nodes it thought so. */
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

/** The members that a shard shall have from now on; its leader sees to it. */
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
 * A leader says what its shard's configuration is. Required: that configuration is the newest in
 * its log, is committed and is not joint, and an entry of the leader's own term is committed.
 */
export interface Report {
  readonly type: 'report';
  readonly shard: ShardId;
  readonly revision: number;
  readonly term: number;
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

/** A node says that its member can't be used any more: its log or its state is damaged. */
interface Lose {
  readonly type: 'lose';
  readonly shard: ShardId;
  readonly member: MemberId;
}

/** The operator says what is to become of a node. */
export interface SetMembership {
  readonly type: 'set-membership';
  readonly node: NodeId;
  /** Of the row that was looked at, so that a late copy takes nothing back that was said since. */
  readonly revision: number;
  readonly membership: NodeMembership;
  /** A removal may leave the shards with fewer replicas than were set. */
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
  /** A life of the data folder was announced that this one does not follow: a copy of its past. */
  | 'older-copy'
  /** The row changed since it was looked at. */
  | 'stale-revision'
  /** A leader of a later term has reported. */
  | 'older-leader'
  /** No room for another node, or for another member of the shard. */
  | 'full'
  /** What is asked for contradicts itself or the map. */
  | 'unsound'
  /** Not the spelling of any command. */
  | 'malformed'
  /** The node whose place the newcomer would take is heard. Said by the catalog's leader. */
  | 'still-running'
  /** Another node has taken this one's place. */
  | 'replaced'
  /** No other node could carry what lies on this one. */
  | 'last-node'
  /** The shards would have fewer replicas than were set; it takes a removal that is forced. */
  | 'fewer-replicas'
  /**
   * The node is silent, and without it a shard has no majority that could give its data to
   * others. Said by the catalog's leader.
   */
  | 'no-majority'
  /** As many nodes as may have joined and never started: some of them may never come. */
  | 'too-many-newcomers'
  /** One side has a cluster secret that the other has not. Said by the node that was asked. */
  | 'wrong-secret';

export type CatalogReply =
  /**
   * In effect, now or since an earlier time it was said: from `version` of the map on. `node` is
   * the number that founding and joining give, else `NO_NODE`.
   */
  | { readonly type: 'done'; readonly version: number; readonly node: NodeId }
  /** Not in effect, and nothing changed. */
  | { readonly type: 'refused'; readonly reason: CatalogRefusal };
