/** What the parts of a node see of it. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import type { Life } from '../base/life.ts';
import type { ClusterMap, NodeDescription, NodeRow } from '../catalog/cluster-map.ts';
import type { Fact } from '../raft/fact.ts';
import type { FairQueue } from '../shard/fair-queue.ts';
import type { Responder } from '../shard/responder.ts';
import type { Damage, Log } from '../storage/log/log.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { LaneRoom, PeerAddress } from '../transport/transport.ts';
import type { Secret } from '../wire/proof.ts';
import type { Request } from '../wire/request.ts';
import type { Clients, RequestFact } from './clients.ts';
import type { ConsistencyCheck, ConsistencyFact } from './consistency-check.ts';
import type { MoveInfo } from './moves.ts';
import type { Peers } from './peers.ts';
import type { Replicas } from './replicas.ts';

/** The identity of this node. */
export interface SelfDescription {
  readonly node: NodeId;
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  /** The mark of the state store. */
  readonly identity: Uint8Array;
}

/** Why a node has no place in the cluster. */
export type EndReason = 'older-copy' | 'wrong-token' | 'removed';

/** Facts for the logger and for probes. */
export type NodeFact =
  | { readonly type: 'raft'; readonly shard: ShardId; readonly fact: Fact }
  | { readonly type: 'replica-lost'; readonly shard: ShardId; readonly reason: string }
  | { readonly type: 'replica-created' | 'replica-removed'; readonly shard: ShardId }
  | { readonly type: 'frame-refused'; readonly from: string }
  /** A message to a replica from a node that does not host its sender, according to the map. */
  | { readonly type: 'message-refused'; readonly from: NodeId; readonly shard: ShardId }
  /** A map of a version that most other nodes have not seen. */
  | { readonly type: 'map-refused'; readonly from: NodeId; readonly version: number }
  | { readonly type: 'state-damaged'; readonly shard: ShardId; readonly text: string }
  /** A damaged place in the log. */
  | ({ readonly type: 'log-damaged' } & Damage)
  /** The whole store was damaged: it is kept under this name, and replaced by an empty one. */
  | { readonly type: 'state-set-aside'; readonly aside: string; readonly text: string }
  /** Flipped bits in its files were corrected. */
  | { readonly type: 'state-mended'; readonly bits: readonly string[]; readonly text: string }
  /** The replica serves nothing; or a snapshot replaced its state. */
  | { readonly type: 'state-quarantined' | 'state-restored'; readonly shard: ShardId }
  | { readonly type: 'peer-silent'; readonly node: NodeId }
  | ConsistencyFact
  /** A peer hears another life of this node. */
  | { readonly type: 'still-running'; readonly by: NodeId; readonly text: string }
  /** This life was not confirmed for long, and has no replicas. */
  | { readonly type: 'unconfirmed'; readonly text: string }
  | { readonly type: 'confirmed'; readonly milliseconds: number }
  | RequestFact;

/** Whether this life is confirmed, and what peers report about lives. */
interface StandingPart {
  readonly isConfirmed: boolean;
  /** Why it waits; empty once it is confirmed. */
  readonly reason: string;
  /** The lives that the next life of that node has to follow; the newest last. */
  livesOf(row: NodeRow): readonly Life[];
  claimed(from: NodeId, word: number): void;
  known(from: NodeId, word: number): void;
}

export interface NodeParts {
  readonly self: SelfDescription;
  readonly log: Log;
  readonly store: StateStore;
  readonly replicas: Replicas;
  readonly clients: Clients;
  readonly peers: Peers;
  readonly consistency: ConsistencyCheck;
  readonly standing: StandingPart;
  /** The monotone clock in milliseconds. */
  readonly now: number;
  readonly map: ClusterMap | undefined;
  readonly isReadOnly: boolean;
  readonly isClosing: boolean;
  readonly valueBytesMax: number;
  /** Requests that wait for their turn. */
  readonly fair: Pick<FairQueue, 'add'>;
  /** The cluster secret; no bytes for none. */
  readonly secret: Secret;
  /** Requests that wait for another node's answer. */
  readonly forwarded: number;
  readonly reconciler: {
    /** Replicas in transfer, of the shards that are led here. */
    moves(): readonly MoveInfo[];
  };
  /** A request of the node itself. */
  ask(request: Request, responder: Responder): void;
  mention(fact: NodeFact): void;
  /** The node has no place in the cluster: the process has to end. */
  end(reason: EndReason, text: string): void;
  /** The capacity of the path to a peer. */
  roomToPeer(to: PeerAddress): LaneRoom;
  nodeOfMember(shard: ShardId, member: MemberId): NodeId | undefined;
  /** The node that hosts a member; 0 if unknown. */
  nodeNumberOf(shard: ShardId, member: MemberId): number;
}
