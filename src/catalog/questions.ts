/** Queries on the map, for nodes and clients. */

import { assert, present } from '../base/assert.ts';
import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { arcOf, RING_SPAN } from '../ring/arc.ts';
import type { AimedBasis, ClusterMap, Member, NodeRow, ShardRow } from './cluster-map.ts';

/** The shard of a position on the ring. Arcs are equal, so it is computed, not searched. */
export function shardAt({ settings, shards }: ClusterMap, position: number): ShardRow {
  assert(position >= 0 && position < RING_SPAN, 'a position lies on the ring');
  return present(shards[1 + arcOf(position, settings.shards)], 'every arc has a shard');
}

export function nodeNumbered({ nodes }: ClusterMap, node: NodeId): NodeRow | undefined {
  return nodes.find((row) => row.node === node);
}

/** Members on nodes that have to hand leadership over. */
export function drainedMembers({ nodes }: ClusterMap, { members }: ShardRow): MemberId[] {
  const drained = nodes.filter(({ membership }) => membership !== 'active');
  if (drained.length === 0) return [];
  return members.flatMap(({ node, member }) => {
    return drained.some((row) => row.node === node) ? [member] : [];
  });
}

/** The nodes where a shard is wanted, in rising order. */
export function wantedNodes({ members }: ShardRow): NodeId[] {
  return members.filter(({ isWanted }) => isWanted).map(({ node }) => node);
}

/** The basis alone, of a row or of a goal. */
export function basisOf({ weight, zone, isDrained }: AimedBasis): AimedBasis {
  return { weight, zone, isDrained };
}

export function isSameBasis(one: AimedBasis | undefined, other: AimedBasis | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.weight === other.weight && one.zone === other.zone && one.isDrained === other.isDrained
  );
}

/** The member that a shard has on a node, wanted or not. */
export function memberOn({ members }: ShardRow, node: NodeId): Member | undefined {
  return members.find((member) => member.node === node);
}

/** The node of a member; undefined once it is not listed any more. */
export function nodeOf({ members }: ShardRow, member: MemberId): NodeId | undefined {
  return members.find((listed) => listed.member === member)?.node;
}

/** A replica that a node should have. */
export interface Due {
  readonly shard: ShardId;
  readonly member: MemberId;
  /**
   * What to do if it is not there and never was. `found`: begin the shard, as its only voter.
   * `blank`: create a replica that knows no other member, and wait for a leader's message. `none`:
   * nothing, it is being removed.
   */
  readonly birth: 'found' | 'blank' | 'none';
}

/** Every replica that a node should have; any other that it has is to be destroyed. */
export function replicasDue({ shards }: ClusterMap, node: NodeId): Due[] {
  return shards.flatMap((row) => {
    const listed = memberOn(row, node);
    if (listed === undefined) return [];
    return [{ shard: row.shard, member: listed.member, birth: birthOf(row, listed) }];
  });
}

/** Once the shard is founded, its voters hold its data: it is never founded a second time. */
function birthOf({ founder, isFounded }: ShardRow, { member, isWanted }: Member): Due['birth'] {
  if (member === founder && !isFounded) return 'found';
  return isWanted ? 'blank' : 'none';
}
