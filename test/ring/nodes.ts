/** Nodes and rings for the tests, with the points of many nodes worked out once. */

import type { NodeId } from '../../src/base/ids.ts';
import { buildRing, type Ring, type RingNode } from '../../src/ring/ring.ts';

export interface NodeOptions {
  readonly node: number;
  readonly weight?: number;
  readonly zone?: string;
}

export function nodeOf({ node, weight = 1, zone = 'a' }: NodeOptions): RingNode {
  return { node: node as NodeId, weight, zone };
}

/** Nodes 1 to `count`. */
export function nodesUpTo(
  count: number,
  optionsOf: (at: number) => Omit<NodeOptions, 'node'> = () => ({}),
): readonly RingNode[] {
  return Array.from({ length: count }, (_, at) => nodeOf({ node: at + 1, ...optionsOf(at) }));
}

/** The points of a node depend on its number alone, so rings can share them. */
export function ringOf(nodes: readonly RingNode[]): Ring {
  return buildRing(nodes, KNOWN);
}

const KNOWN = buildRing(nodesUpTo(256));
