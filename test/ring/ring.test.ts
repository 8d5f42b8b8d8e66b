/** The ring: fair by weight, the same everywhere, and still between nodes that stay. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { RING_SPAN } from '../../src/ring/arc.ts';
import {
  buildOwnership,
  type Ownership,
  ownedPositions,
  ownerOf,
} from '../../src/ring/ownership.ts';
import { buildRing, isWeight, type RingNode, WEIGHT_MAX, walk } from '../../src/ring/ring.ts';
import { casesByEffort } from '../support/effort.ts';
import { nodeOf, nodesUpTo, ringOf } from './nodes.ts';

function shareRatios(nodes: readonly RingNode[]): readonly number[] {
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  const owned = ownedPositions(buildOwnership(ringOf(nodes)));
  assert.equal(
    owned.reduce((sum, count) => sum + count, 0),
    RING_SPAN,
  );
  return nodes.map(({ weight }, at) => (owned[at] ?? 0) / RING_SPAN / (weight / total));
}

function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)} %`;
}

const COUNTS = [3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 25, 33, 50, 75, 100];

test('with 3 to 100 nodes no share deviates by 10 % from fair', (t) => {
  let worst = 0;
  let highest = 0;
  for (const count of casesByEffort(COUNTS, { brief: 8 })) {
    for (const ratio of shareRatios(nodesUpTo(count))) {
      worst = Math.max(worst, Math.abs(ratio - 1));
      highest = Math.max(highest, ratio);
    }
  }
  t.diagnostic(`the worst share strays ${percent(worst)}; the highest is ${highest.toFixed(3)}`);
  assert.ok(worst < 0.1);
  assert.ok(highest < 1.25);
});

test('the share follows the weight within 10 %, whatever the ratio', (t) => {
  const random = new Random(21);
  const weightings: readonly (readonly [string, (at: number) => number])[] = [
    ['1 to 4', () => random.between(1, 4)],
    ['1 and 100', (at) => (at % 2 === 0 ? 1 : 100)],
    ['one of 100, the others 1', (at) => (at === 0 ? 100 : 1)],
    ['1 to 65 536', (at) => (at === 0 ? WEIGHT_MAX : random.between(1, WEIGHT_MAX))],
  ];
  for (const [name, weightOf] of weightings) {
    let worst = 0;
    for (const count of casesByEffort([3, 10, 40, 100], { brief: 2 })) {
      const nodes = nodesUpTo(count, (at) => ({ weight: weightOf(at) }));
      for (const ratio of shareRatios(nodes)) worst = Math.max(worst, Math.abs(ratio - 1));
    }
    t.diagnostic(`weights ${name}: the worst share strays ${percent(worst)}`);
    assert.ok(worst < 0.1, name);
  }
});

test('the owner of a position is the first node of its walk', () => {
  const random = new Random(22);
  for (const count of [1, 2, 3, 10, 50]) {
    const nodes = nodesUpTo(count, () => ({ weight: random.pick([1, 2, 3, 50, WEIGHT_MAX]) }));
    const ring = ringOf(nodes);
    const ownership = buildOwnership(ring);
    const positions = Array.from({ length: 1000 }, () => {
      const end = ownership.ends[random.below(ownership.ends.length)] ?? 0;
      return random.chance(0.5) ? random.word() : (end + random.between(0, 2)) % RING_SPAN;
    });
    for (const position of [0, 1, RING_SPAN - 1, ...positions]) {
      const first = ring.nodes[walk(ring, position)[0] ?? 0];
      assert.equal(ownerOf(ownership, position), first?.node);
    }
  }
});

test('a node that joins, leaves or changes its weight moves nothing between the others', (t) => {
  const random = new Random(23);
  let worst = 0;
  for (const count of casesByEffort([3, 4, 7, 20, 60], { brief: 3 })) {
    const nodes = nodesUpTo(count, () => ({ weight: random.pick([1, 1, 2, 5]) }));
    const guest = nodeOf({ node: count + 1, weight: random.pick([1, 2, 5]) });
    const before = buildOwnership(ringOf(nodes));
    const after = buildOwnership(ringOf([...nodes, guest]));
    const heavier = buildOwnership(ringOf([...nodes, { ...guest, weight: 7 }]));
    const total = nodes.reduce((sum, { weight }) => sum + weight, guest.weight);
    const moved = movedTo(guest, before, after);
    worst = Math.max(worst, moved / RING_SPAN / (guest.weight / total));
    movedTo(guest, after, heavier);
  }
  t.diagnostic(`adding a node moved at most ${worst.toFixed(3)} of the ideal share`);
  assert.ok(worst < 1.2);
});

/** The positions that changed hands, each of them to the guest. Backwards it is a departure. */
function movedTo(guest: RingNode, before: Ownership, after: Ownership): number {
  let moved = 0;
  let start = 0;
  for (const end of new Uint32Array([...before.ends, ...after.ends]).sort()) {
    if (end < start) continue;
    const owner = ownerOf(after, end);
    if (ownerOf(before, end) !== owner) {
      assert.equal(owner, guest.node);
      moved += end + 1 - start;
    }
    start = end + 1;
  }
  return moved;
}

test('the order in which the nodes are given does not matter', () => {
  const random = new Random(24);
  const nodes = nodesUpTo(40, (at) => ({ weight: random.between(1, 9), zone: `zone-${at % 3}` }));
  const ring = buildRing(nodes);
  for (let round = 0; round < 5; round++) {
    assert.deepEqual(buildRing(random.shuffle(nodes)), ring);
    assert.deepEqual(ringOf(random.shuffle(nodes)), ring);
  }
});

test('only the ratio of the weights matters', () => {
  const nodes = nodesUpTo(20, (at) => ({ weight: 1 + (at % 5) }));
  const tenfold = nodes.map((node) => ({ ...node, weight: node.weight * 10 }));
  for (const position of [0, 1e6, 3e9]) {
    assert.deepEqual(walk(ringOf(nodes), position), walk(ringOf(tenfold), position));
  }
});

test('a node without weight is not on the ring, and an empty ring has no owners', () => {
  const ring = ringOf([nodeOf({ node: 1 }), nodeOf({ node: 2, weight: 0 })]);
  assert.deepEqual(
    ring.nodes.map(({ node }) => node),
    [1],
  );
  for (const nodes of [[], [nodeOf({ node: 2, weight: 0 })]]) {
    const ownership = buildOwnership(ringOf(nodes));
    assert.equal(ownerOf(ownership, 0), undefined);
    assert.equal(ownerOf(ownership, RING_SPAN - 1), undefined);
    assert.deepEqual(ownedPositions(ownership), []);
    assert.deepEqual(walk(ringOf(nodes), 0), []);
  }
});

test('a weight is a whole number within bounds, and a node is on the ring once', () => {
  const weights = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, WEIGHT_MAX + 1];
  for (const weight of weights) {
    assert.ok(!isWeight(weight));
    assert.throws(() => buildRing([nodeOf({ node: 1, weight })]));
  }
  assert.throws(() => buildRing([nodeOf({ node: 1 }), nodeOf({ node: 1, zone: 'b' })]));
});
