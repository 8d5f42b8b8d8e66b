/** Random histories of a cluster: nodes join, leave and change weight, one at a time. */

import type { Random } from '../../src/base/random.ts';
import { place } from '../../src/ring/placement.ts';
import type { Placement, Ring, RingNode } from '../../src/ring/ring.ts';
import { nodeOf, ringOf } from './nodes.ts';

export interface HistoryOptions {
  readonly random: Random;
  readonly nodesMin: number;
  readonly nodesMax: number;
  readonly arcsOptions: readonly number[];
  readonly steps: number;
}

export interface World {
  readonly arcs: number;
  readonly replicas: number;
  readonly nodes: readonly RingNode[];
  readonly ring: Ring;
  readonly placement: Placement;
}

export interface Change {
  readonly before: World;
  readonly after: World;
  readonly kind: 'join' | 'leave' | 'heavier' | 'lighter';
  readonly changed: RingNode;
}

/** The changes of one history, in order. */
export function* history(options: HistoryOptions): Generator<Change> {
  const { random, nodesMin, nodesMax, steps } = options;
  const zones = random.between(1, 5);
  const weights = random.pick([[1], [1, 1, 2, 4], [1, 10]]);
  const drawNode = (node: number) =>
    nodeOf({ node, weight: random.pick(weights), zone: `zone-${random.below(zones)}` });
  const count = random.between(nodesMin, nodesMax);
  const settings = { arcs: random.pick(options.arcsOptions), replicas: random.pick([1, 3, 5]) };
  let before = worldOf(
    settings,
    Array.from({ length: count }, (_, at) => drawNode(at + 1)),
  );
  for (let step = 0; step < steps; step++) {
    const { nodes } = before;
    const isFull = nodes.length === nodesMax;
    const isSmall = nodes.length === nodesMin;
    const wish = random.pick(['join', 'leave', 'weight']);
    const kind = wish === 'weight' ? wish : isFull ? 'leave' : isSmall ? 'join' : wish;
    const old = random.pick(nodes);
    const others = nodes.filter((node) => node !== old);
    let change: Pick<Change, 'kind' | 'changed'>;
    if (kind === 'join') {
      change = { kind, changed: drawNode(count + step + 1) };
      before = yield* next(before, change, [...nodes, change.changed]);
    } else if (kind === 'leave') {
      before = yield* next(before, { kind, changed: old }, others);
    } else {
      const weight = random.pick([1, 2, 4, 8].filter((option) => option !== old.weight));
      const changed = { ...old, weight };
      change = { kind: weight > old.weight ? 'heavier' : 'lighter', changed };
      before = yield* next(before, change, random.shuffle([...others, changed]));
    }
  }
}

function* next(
  before: World,
  change: Pick<Change, 'kind' | 'changed'>,
  nodes: readonly RingNode[],
): Generator<Change, World> {
  const after = worldOf(before, nodes, before.placement);
  yield { before, after, ...change };
  return after;
}

function worldOf(
  { arcs, replicas }: Pick<World, 'arcs' | 'replicas'>,
  nodes: readonly RingNode[],
  previous?: Placement,
): World {
  const ring = ringOf(nodes);
  return { arcs, replicas, nodes, ring, placement: place({ ring, arcs, replicas, previous }) };
}
