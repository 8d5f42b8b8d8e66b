/** What a node reports to its driver, and what it is told about itself. */

import type { AuditRecord } from '../audit/record.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import type { NodeDescription } from '../catalog/cluster-map.ts';
import type { Fact } from '../raft/fact.ts';
import type { Damage } from '../storage/log/log.ts';
import type { RequestFact } from './clients.ts';

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

export type ConsistencyFact =
  /** The state of a replica here differs from that of a majority of the voters at this entry. */
  | { readonly type: 'state-diverged'; readonly shard: ShardId; readonly index: number }
  /** The replicas differ, and no majority agrees: an operator has to decide which is right. */
  | { readonly type: 'states-differ'; readonly shard: ShardId; readonly index: number };

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
  /** The node seals with it from now on. */
  | { readonly type: 'data-key-added'; readonly number: number }
  /** The key files are gone, or the configured key does not open them: no next start. */
  | { readonly type: 'data-keys-unusable'; readonly text: string }
  /** The replica serves nothing; or a snapshot replaced its state. */
  | { readonly type: 'state-quarantined' | 'state-restored'; readonly shard: ShardId }
  | { readonly type: 'peer-silent'; readonly node: NodeId }
  | ConsistencyFact
  /** A peer hears another life of this node. */
  | { readonly type: 'still-running'; readonly by: NodeId; readonly text: string }
  /** This life was not confirmed for long, and has no replicas. */
  | { readonly type: 'unconfirmed'; readonly text: string }
  | { readonly type: 'confirmed'; readonly milliseconds: number }
  /** For the audit trail. */
  | { readonly type: 'audit'; readonly record: AuditRecord }
  | RequestFact;
