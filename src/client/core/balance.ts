/** Balancing: which replica a stale read asks. */

import type { NodeId, ShardId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import type { Connections } from './connections.ts';
import type { Routing } from './routing.ts';

/** A node with a replica of the shard, as a balancing function sees it. */
export interface Candidate {
  /** The number of the node, as `kvctl nodes` shows it. */
  readonly node: number;
  /** The zone of the node in its configuration; empty if it has none. */
  readonly zone: string;
  /** The capacity of the node relative to others, from its configuration. */
  readonly weight: number;
  /** Requests of this client that the node has not answered yet. */
  readonly requests: number;
}

/**
 * Which replica answers stale reads. A function returns the position of the chosen candidate; there
 * is at least one.
 *
 * @example
 * ```ts
 * const nearby: Balance = (candidates) => candidates.findIndex(({ zone }) => zone === 'eu-1');
 * ```
 */
export type Balance =
  | 'round-robin'
  | 'weighted'
  | 'least-loaded'
  | ((candidates: readonly Candidate[]) => number);

/** The nodes where the shard is wanted. */
export function candidatesOf(
  shard: ShardId,
  { routing, connections }: { readonly routing: Routing; readonly connections: Connections },
): readonly Candidate[] {
  const nodes = routing.map?.nodes ?? [];
  const members = routing.rowOf(shard)?.members ?? [];
  return members.flatMap(({ node, isWanted }) => {
    const row = nodes.find((one) => one.node === node);
    if (row === undefined || !isWanted) return [];
    const requests = connections.toNode(node)?.sent.size ?? 0;
    return [{ node, zone: row.zone, weight: row.weight, requests }];
  });
}

export class Balancer {
  readonly #options: { readonly balance: Balance; readonly random: Random };
  readonly #turns = new Map<ShardId, number>();

  constructor(options: { readonly balance: Balance; readonly random: Random }) {
    this.#options = options;
  }

  choose(shard: ShardId, candidates: readonly Candidate[]): NodeId | undefined {
    if (candidates.length === 0) return undefined;
    const at = this.#position(shard, candidates);
    const chosen = candidates[Number.isInteger(at) ? at : 0] ?? candidates[0];
    return chosen?.node as NodeId | undefined;
  }

  #position(shard: ShardId, candidates: readonly Candidate[]): number {
    const { balance, random } = this.#options;
    if (typeof balance === 'function') return balance(candidates);
    switch (balance) {
      case 'round-robin': {
        const turn = this.#turns.get(shard) ?? random.below(candidates.length);
        this.#turns.set(shard, (turn + 1) % candidates.length);
        return turn % candidates.length;
      }
      case 'weighted':
        return this.#weighted(candidates);
      case 'least-loaded':
        return candidates.reduce(
          (best, { requests }, at) =>
            requests < (candidates[best]?.requests ?? requests) ? at : best,
          0,
        );
    }
  }

  #weighted(candidates: readonly Candidate[]): number {
    const whole = candidates.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#options.random.fraction() * whole;
    for (const [at, { weight }] of candidates.entries()) {
      left -= weight;
      if (left < 0) return at;
    }
    return 0;
  }
}
