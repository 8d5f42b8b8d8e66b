/** What must be true of every placement, worked out without the planner. */

import assert from 'node:assert/strict';
import type { NodeId } from '../../src/base/ids.ts';
import type { Placement, RingNode } from '../../src/ring/ring.ts';

export type Arcs = Placement['arcs'];

export function loadsOf(arcs: Arcs): ReadonlyMap<NodeId, number> {
  const loads = new Map<NodeId, number>();
  for (const node of arcs.flat()) loads.set(node, (loads.get(node) ?? 0) + 1);
  return loads;
}

/** Distinct nodes, distinct zones if there are enough, else no zone fuller than it need be. */
export function spreadJudge(
  nodes: readonly RingNode[],
  replicasWanted: number,
): (holders: readonly NodeId[]) => boolean {
  const zones = new Map(nodes.map(({ node, zone }) => [node, zone]));
  const sizes = countBy(nodes.map(({ zone }) => zone));
  const replicas = Math.min(replicasWanted, nodes.length);
  return (holders) => {
    if (holders.length !== replicas || new Set(holders).size !== replicas) return false;
    if (holders.some((node) => !zones.has(node))) return false;
    const counts = countBy(holders.map((node) => zones.get(node) ?? ''));
    // Even means: taking from one zone and giving to another, not yet used up, would not help.
    for (const [from, most] of counts) {
      for (const [to, size] of sizes) {
        const count = counts.get(to) ?? 0;
        if (from !== to && count < size && most - count > 1) return false;
      }
    }
    return true;
  };
}

/** With enough zones, even means distinct: said again in the plainest words. */
export function assertZonesDistinct(arcs: Arcs, nodes: readonly RingNode[]): void {
  const zones = new Map(nodes.map(({ node, zone }) => [node, zone]));
  const all = new Set(zones.values()).size;
  for (const holders of arcs) {
    const used = new Set(holders.map((node) => zones.get(node))).size;
    assert.equal(used, Math.min(all, holders.length), 'replicas lie in distinct zones');
  }
}

/** Replicas that went from one unchanged node to another: an arc gained one and lost the other. */
export function movesBetweenOthers(before: Arcs, after: Arcs, changed: NodeId): number {
  let moves = 0;
  for (const [arc, holders] of after.entries()) {
    const former = before[arc] ?? [];
    const gained = holders.filter((node) => node !== changed && !former.includes(node));
    const lost = former.filter((node) => node !== changed && !holders.includes(node));
    moves += Math.min(gained.length, lost.length);
  }
  return moves;
}

/** Replicas that lie where they did not lie before. */
export function movesIn(before: Arcs, after: Arcs): number {
  return after.reduce(
    (sum, holders, arc) =>
      sum + holders.filter((node) => before[arc]?.includes(node) !== true).length,
    0,
  );
}

function countBy(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
