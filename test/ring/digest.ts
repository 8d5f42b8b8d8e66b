/** Placements of fixed inputs as one number each, to compare between processes and versions. */

import { hash } from '../../src/base/hash.ts';
import { Random } from '../../src/base/random.ts';
import { place } from '../../src/ring/placement.ts';
import { buildRing } from '../../src/ring/ring.ts';
import { nodeOf, nodesUpTo } from './nodes.ts';

/** The input lists are shuffled by `shuffleSeed`, which must not matter. */
export function digests(shuffleSeed: number): readonly number[] {
  const random = new Random(shuffleSeed);
  return [1, 3, 5, 9, 30].flatMap((count) => {
    const nodes = nodesUpTo(count, (at) => ({
      weight: [3, 1, 2, 100][at % 4] ?? 1,
      zone: ['zone-b', 'Zone-a', 'zöne', 'zone-10', 'zone-9'][at % 5] ?? '',
    }));
    const ring = buildRing(random.shuffle(nodes));
    const fresh = place({ ring, arcs: 64, replicas: 3 });
    const grown = buildRing(
      random.shuffle([...nodes, nodeOf({ node: 77, weight: 9, zone: 'new' })]),
    );
    const next = place({ ring: grown, arcs: 64, replicas: 3, previous: fresh });
    return [fresh, next].map(({ arcs }) => hash(new TextEncoder().encode(JSON.stringify(arcs))));
  });
}
