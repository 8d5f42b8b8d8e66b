/** Which node should lead each shard: evenly by weight, and changed only where that helps. */

import { present } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';

interface SpreadOptions {
  /** For each shard, the nodes that hold it. */
  readonly goals: readonly (readonly NodeId[])[];
  /** For each shard, the previously preferred node; it counts only if it still holds the shard. */
  readonly previous: readonly NodeId[];
  /** Above zero, for every node of a goal. */
  readonly weights: ReadonlyMap<NodeId, number>;
}

/**
 * One holder for each shard, such that the sum of count² ÷ weight over all nodes is as small as the
 * goals allow: with equal weights, as even as possible. Found by moving one leader at a time along
 * the shortest chain of shards that ends at a less loaded node; when there is no such chain, the
 * result is optimal.
 */
export function spreadPreferred({ goals, previous, weights }: SpreadOptions): NodeId[] {
  const spread = new PreferredSpread(goals, weights);
  for (const [shard, node] of previous.entries()) {
    if (goals[shard]?.includes(node)) spread.prefer(shard, node);
  }
  for (const [shard, goal] of goals.entries()) {
    if (spread.preferred[shard] === undefined) spread.prefer(shard, spread.lightestOf(goal));
  }
  while (spread.improve());
  return spread.preferred.map((node) => present(node, 'every shard has a preferred node'));
}

class PreferredSpread {
  readonly preferred: (NodeId | undefined)[];
  readonly #goals: readonly (readonly NodeId[])[];
  readonly #weights: ReadonlyMap<NodeId, number>;
  /** For each node that holds any, the shards where it is preferred. */
  readonly #led = new Map<NodeId, Set<number>>();

  constructor(goals: readonly (readonly NodeId[])[], weights: ReadonlyMap<NodeId, number>) {
    this.#goals = goals;
    this.#weights = weights;
    this.preferred = goals.map(() => undefined);
    for (const node of goals.flat()) this.#led.set(node, new Set());
  }

  prefer(shard: number, node: NodeId): void {
    const former = this.preferred[shard];
    if (former !== undefined) this.#ledBy(former).delete(shard);
    this.preferred[shard] = node;
    this.#ledBy(node).add(shard);
  }

  /** The node for which one more leader costs least; of equals the first. */
  lightestOf(nodes: Iterable<NodeId>): NodeId {
    let lightest: NodeId | undefined;
    for (const node of nodes) {
      if (lightest === undefined || this.#gain(node) < this.#gain(lightest)) lightest = node;
    }
    return present(lightest, 'there is a node to choose');
  }

  /** Moves one leader from one node to another, if that evens them out. Most loaded nodes first. */
  improve(): boolean {
    const nodes = [...this.#led.keys()];
    nodes.sort((one, other) => this.#relief(other) - this.#relief(one) || one - other);
    for (const from of nodes) {
      const came = this.#reach(from);
      const to = this.lightestOf(came.keys());
      if (this.#relief(from) <= this.#gain(to)) continue;
      for (let node = to; node !== from; ) {
        const { shard, giver } = present(came.get(node), 'a chain leads back to its start');
        this.prefer(shard, node);
        node = giver;
      }
      return true;
    }
    return false;
  }

  /** Every node that a leader of `from` can be passed to, and the last link of the chain there. */
  #reach(from: NodeId): Map<NodeId, { readonly shard: number; readonly giver: NodeId }> {
    const came = new Map([[from, { shard: -1, giver: from }]]);
    for (const giver of came.keys()) {
      for (const shard of this.#ledBy(giver)) {
        if (came.size === this.#led.size) return came;
        for (const node of this.#goals[shard] ?? []) {
          if (!came.has(node)) came.set(node, { shard, giver });
        }
      }
    }
    return came;
  }

  /** The decrease of the sum when the node leads one shard less. */
  #relief(node: NodeId): number {
    return (2 * this.#ledBy(node).size - 1) / this.#weightOf(node);
  }

  #gain(node: NodeId): number {
    return (2 * this.#ledBy(node).size + 1) / this.#weightOf(node);
  }

  #ledBy(node: NodeId): Set<number> {
    return present(this.#led.get(node), 'a preferred node holds the shard');
  }

  #weightOf(node: NodeId): number {
    return present(this.#weights.get(node), 'a node of a goal has a weight');
  }
}
