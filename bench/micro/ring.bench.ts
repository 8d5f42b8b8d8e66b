/** How fast a key finds its arc, a position its owner, and a change of nodes its placement. */

import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { buildOwnership, ownerOf } from '../../src/ring/ownership.ts';
import { place } from '../../src/ring/placement.ts';
import { buildRing, type RingNode } from '../../src/ring/ring.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const LOOKUPS = 1000;

export async function run(): Promise<BenchRow[]> {
  const random = new Random(1);
  return measure([
    ...keyTasks(random),
    lookupTask(random, 3),
    lookupTask(random, 100),
    ...placeTasks({ nodes: 5, arcs: 16 }),
    ...placeTasks({ nodes: 100, arcs: 1024 }),
  ]);
}

function keyTasks(random: Random): BenchTask[] {
  const encoder = new TextEncoder();
  return ['user:', '{tag}:'].map((prefix) => {
    const keys = Array.from({ length: LOOKUPS }, () => encoder.encode(`${prefix}${random.word()}`));
    const work = () => {
      let sum = 0;
      for (const key of keys) sum ^= arcOf(keyPosition(key), 16);
      return sum;
    };
    return { name: `arc of a key ${prefix}0123456789`, operations: LOOKUPS, work };
  });
}

function lookupTask(random: Random, count: number): BenchTask {
  const ownership = buildOwnership(buildRing(nodesUpTo(count)));
  const positions = Uint32Array.from({ length: LOOKUPS }, () => random.word());
  const work = () => {
    let sum = 0;
    for (const position of positions) sum ^= ownerOf(ownership, position) ?? 0;
    return sum;
  };
  return { name: `owner of a position, ${count} nodes`, operations: LOOKUPS, work };
}

function placeTasks({ nodes, arcs }: { nodes: number; arcs: number }): BenchTask[] {
  const ring = buildRing(nodesUpTo(nodes));
  const grown = buildRing(nodesUpTo(nodes + 1), ring);
  const previous = place({ ring, arcs, replicas: 3 });
  const workOf = (options: Parameters<typeof place>[0]) => () => place(options).arcs[0]?.[0] ?? 0;
  const size = `${nodes} nodes, ${arcs} arcs`;
  return [
    {
      name: `points of ${nodes} nodes`,
      operations: 1,
      work: () => buildRing(nodesUpTo(nodes)).points.length,
    },
    {
      name: `first placement, ${size}`,
      operations: 1,
      work: workOf({ ring, arcs, replicas: 3 }),
    },
    {
      name: `one more node, ${size}`,
      operations: 1,
      work: workOf({ ring: grown, arcs, replicas: 3, previous }),
    },
  ];
}

function nodesUpTo(count: number): RingNode[] {
  return Array.from({ length: count }, (_, at) => ({
    node: (at + 1) as NodeId,
    weight: 1 + (at % 3),
    zone: `zone-${at % 3}`,
  }));
}
