/** The probable leader of each shard that has no replica on this node. */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { ShardRow } from '../catalog/cluster-map.ts';

interface Guess {
  /** Another node named it. */
  readonly hint: NodeId | undefined;
  /** Wrong guesses in a row: another member is tried each time. */
  readonly misses: number;
}

const FIRST: Guess = { hint: undefined, misses: 0 };

export class LeaderCache {
  readonly #guesses = new Map<ShardId, Guess>();

  /** An asked node named the leader, or 0 if it does not know it. */
  learn(shard: ShardId, leader: number): void {
    const { misses } = this.#guesses.get(shard) ?? FIRST;
    const hint = leader === 0 ? undefined : (leader as NodeId);
    this.#guesses.set(shard, { hint, misses: misses + 1 });
  }

  /** Undefined if the row has no members. */
  guess({ shard, members, preferredNode }: ShardRow): NodeId | undefined {
    const { hint, misses } = this.#guesses.get(shard) ?? FIRST;
    if (hint !== undefined && members.some(({ node }) => node === hint)) return hint;
    const voters = members.filter(({ isVoter }) => isVoter);
    const candidates = (voters.length > 0 ? voters : members).map(({ node }) => node);
    if (misses === 0 && candidates.includes(preferredNode)) return preferredNode;
    return candidates[misses % candidates.length];
  }
}
