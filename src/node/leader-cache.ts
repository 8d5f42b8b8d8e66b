/** Who probably leads a shard that has no replica on this node. */

import type { NodeId, ShardId } from '../base/ids.ts';
import type { ShardRow } from '../catalog/cluster-map.ts';

interface Guess {
  /** Somebody said so. */
  readonly hint: NodeId | undefined;
  /** How often the guess was wrong: another one is tried each time. */
  readonly misses: number;
}

const FIRST: Guess = { hint: undefined, misses: 0 };

export class LeaderCache {
  readonly #guesses = new Map<ShardId, Guess>();

  /** A node that was asked said who leads, or (0) that it does not know either. */
  learn(shard: ShardId, leader: number): void {
    const { misses } = this.#guesses.get(shard) ?? FIRST;
    const hint = leader === 0 ? undefined : (leader as NodeId);
    this.#guesses.set(shard, { hint, misses: misses + 1 });
  }

  /** Undefined if nobody is on it. */
  guess({ shard, members, preferredNode }: ShardRow): NodeId | undefined {
    const { hint, misses } = this.#guesses.get(shard) ?? FIRST;
    if (hint !== undefined && members.some(({ node }) => node === hint)) return hint;
    const voters = members.filter(({ isVoter }) => isVoter);
    const candidates = (voters.length > 0 ? voters : members).map(({ node }) => node);
    if (misses === 0 && candidates.includes(preferredNode)) return preferredNode;
    return candidates[misses % candidates.length];
  }
}
