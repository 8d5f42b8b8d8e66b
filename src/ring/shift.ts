/** Shifts replicas from nodes that hold too many to nodes with room, along chains of swaps. */

import type { Draft } from './draft.ts';

/** In this arc, one node takes the place of another. */
export interface Swap {
  readonly arc: number;
  readonly from: number;
  readonly to: number;
}

interface ShiftOptions {
  /** For each node, how many replicas it may hold before it is a source. */
  readonly above: readonly number[];
  /** For each node, how many replicas it has room for. */
  readonly below: readonly number[];
  /** Whether a swap is wanted at all; the draft checks the spread over zones. */
  readonly mayMove: (swap: Swap) => boolean;
}

/**
 * Augmenting paths, as in a maximum flow: the shortest chain from each source to any node with
 * room. In a chain only its last node ends up with more replicas, only its first with fewer.
 */
export function shift(draft: Draft, { above, below, mayMove }: ShiftOptions): void {
  /** Nodes without a chain to a node with room. */
  const hopeless = new Set<number>();
  for (const source of draft.loads.keys()) {
    while ((draft.loads[source] as number) > (above[source] as number)) {
      if (hopeless.has(source)) break;
      const { chain, reached } = findChain(draft, source, { below, mayMove });
      if (chain === undefined) {
        for (const node of reached) hopeless.add(node);
      } else if (!follow(draft, chain, mayMove)) {
        hopeless.add(source);
      }
    }
  }
}

interface Search {
  readonly chain: readonly Swap[] | undefined;
  readonly reached: Iterable<number>;
}

function findChain(
  draft: Draft,
  source: number,
  { below, mayMove }: Pick<ShiftOptions, 'below' | 'mayMove'>,
): Search {
  const cameBy = new Map<number, Swap | undefined>([[source, undefined]]);
  // Nodes reached while the loop runs are visited by it, in the order in which they were reached.
  for (const from of cameBy.keys()) {
    for (let arc = 0; arc < draft.arcs; arc++) {
      if (!draft.holds(arc, from)) continue;
      for (const to of draft.loads.keys()) {
        if (cameBy.has(to) || !draft.canSwap(arc, from, to)) continue;
        const swap = { arc, from, to };
        if (!mayMove(swap)) continue;
        cameBy.set(to, swap);
        if ((draft.loads[to] as number) < (below[to] as number)) {
          return { chain: chainTo(to, cameBy), reached: cameBy.keys() };
        }
      }
    }
  }
  return { chain: undefined, reached: cameBy.keys() };
}

/** The last swap first. */
function chainTo(end: number, cameBy: ReadonlyMap<number, Swap | undefined>): readonly Swap[] {
  const chain: Swap[] = [];
  for (let swap = cameBy.get(end); swap !== undefined; swap = cameBy.get(swap.from)) {
    chain.push(swap);
  }
  return chain;
}

/** False if it had to stop, because two swaps of one arc conflicted. */
function follow(draft: Draft, chain: readonly Swap[], mayMove: ShiftOptions['mayMove']): boolean {
  for (const swap of chain) {
    const { arc, from, to } = swap;
    const isPossible = draft.holds(arc, from) && draft.canSwap(arc, from, to) && mayMove(swap);
    if (!isPossible) return false;
    draft.swap(arc, from, to);
  }
  return true;
}
