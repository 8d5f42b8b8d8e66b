/** Placements from nothing, odd inputs, and the same answer everywhere. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { place } from '../../src/ring/placement.ts';
import { type RingNode, WEIGHT_MAX } from '../../src/ring/ring.ts';
import { type FairShare, shareOf } from '../../src/ring/share.ts';
import { spreadOver } from '../../src/ring/spread.ts';
import { byEffort } from '../support/effort.ts';
import { digests } from './digest.ts';
import { assertZonesDistinct, loadsOf, movesBetweenOthers, spreadJudge } from './laws.ts';
import { nodeOf, nodesUpTo, ringOf } from './nodes.ts';

/** How far the loads of a fresh placement are from the quotas, in replicas, all nodes together. */
function checkFresh(nodes: readonly RingNode[], arcs: number, replicas: number): number {
  const ring = ringOf(nodes);
  const placement = place({ ring, arcs, replicas });
  assert.ok(placement.arcs.every(spreadJudge(ring.nodes, replicas)));
  assertZonesDistinct(placement.arcs, ring.nodes);
  const loads = loadsOf(placement.arcs);
  const shares = shareOf(ring, arcs, spreadOver(ring, replicas));
  let astray = 0;
  for (const [at, { node }] of ring.nodes.entries()) {
    const { fair, quota, capacity } = shares[at] as FairShare;
    const load = loads.get(node) ?? 0;
    assert.ok(load <= capacity && capacity <= Math.ceil(1.25 * fair));
    assert.ok(Math.abs(quota - fair) < 1);
    astray += Math.abs(load - quota);
  }
  return astray;
}

test('a fresh placement gives every node its quota, to the replica', (t) => {
  const random = new Random(31);
  let astray = 0;
  let replicasPlaced = 0;
  for (let round = 0; round < byEffort({ full: 400, brief: 60 }); round++) {
    const zones = random.between(1, 5);
    const weights = random.pick([[1], [1, 2, 4], [1, 100], [1, 1000, WEIGHT_MAX]]);
    const nodes = nodesUpTo(random.between(1, round % 20 === 0 ? 100 : 15), () => ({
      weight: random.pick(weights),
      zone: `zone-${random.below(zones)}`,
    }));
    const arcs = random.pick([1, 2, 7, 16, 64, 250]);
    const replicas = random.pick([1, 2, 3, 5]);
    astray += checkFresh(nodes, arcs, replicas);
    replicasPlaced += arcs * Math.min(replicas, nodes.length);
  }
  t.diagnostic(`${astray} of ${replicasPlaced} replicas are off a quota`);
  assert.ok(astray < replicasPlaced / 10_000);
});

test('one node holds everything, and more replicas than nodes means all nodes', () => {
  const one = place({ ring: ringOf([nodeOf({ node: 7 })]), arcs: 16, replicas: 3 });
  assert.deepEqual(one.arcs, new Array(16).fill([7]));
  const two = place({ ring: ringOf(nodesUpTo(2)), arcs: 16, replicas: 5 });
  for (const holders of two.arcs) assert.deepEqual([...holders].sort(), [1, 2]);
});

test('an empty ring places every arc on no node, and fills up as nodes come', () => {
  const empty = place({ ring: ringOf([]), arcs: 4, replicas: 3 });
  assert.deepEqual(empty, { nodes: [], arcs: [[], [], [], []] });
  const weightless = place({
    ring: ringOf([nodeOf({ node: 1, weight: 0 })]),
    arcs: 4,
    replicas: 3,
  });
  assert.deepEqual(weightless, empty);
  const first = place({ ring: ringOf(nodesUpTo(1)), arcs: 4, replicas: 3, previous: empty });
  assert.deepEqual(first.arcs, [[1], [1], [1], [1]]);
  const gone = place({ ring: ringOf([]), arcs: 4, replicas: 3, previous: first });
  assert.deepEqual(gone, empty);
});

test('a node whose weight becomes zero leaves, and only its replicas move', () => {
  const nodes = nodesUpTo(6);
  const before = place({ ring: ringOf(nodes), arcs: 64, replicas: 3 });
  const drained = nodes.map((node) => (node.node === 4 ? { ...node, weight: 0 } : node));
  const after = place({ ring: ringOf(drained), arcs: 64, replicas: 3, previous: before });
  assert.equal(loadsOf(after.arcs).get(4 as NodeId), undefined);
  assert.equal(movesBetweenOthers(before.arcs, after.arcs, 4 as NodeId), 0);
});

test('weights of 1 and 100 are followed where distinct nodes allow it', () => {
  const nodes = nodesUpTo(12, (at) => ({ weight: at < 6 ? 100 : 1 }));
  const placement = place({ ring: ringOf(nodes), arcs: 1024, replicas: 3 });
  const loads = loadsOf(placement.arcs);
  for (const { node, weight } of nodes) {
    const fair = (1024 * 3 * weight) / 606;
    assert.ok(Math.abs((loads.get(node) ?? 0) - fair) <= Math.max(1, 0.1 * fair));
  }
});

test('zones come before balance: the one node of a zone holds every arc', () => {
  const zones = ['a', 'a', 'a', 'a', 'b', 'c'];
  const nodes = nodesUpTo(6, (at) => ({ zone: zones[at] ?? '' }));
  const loads = loadsOf(place({ ring: ringOf(nodes), arcs: 16, replicas: 3 }).arcs);
  assert.deepEqual(
    [...loads].sort(([a], [b]) => a - b).map(([, load]) => load),
    [4, 4, 4, 4, 16, 16],
  );
});

test('a placement that is still right does not change', () => {
  const random = new Random(32);
  for (let round = 0; round < byEffort({ full: 100, brief: 20 }); round++) {
    const nodes = nodesUpTo(random.between(1, 20), () => ({
      weight: random.between(1, 5),
      zone: `zone-${random.below(4)}`,
    }));
    const options = { ring: ringOf(nodes), arcs: 64, replicas: random.pick([1, 3, 5]) };
    const previous = place(options);
    assert.deepEqual(place({ ...options, previous }), previous);
  }
});

test('several changes at once, zone changes and another number of replicas keep the rules', () => {
  const random = new Random(33);
  for (let round = 0; round < byEffort({ full: 300, brief: 40 }); round++) {
    const drawNodes = () =>
      nodesUpTo(16, () => ({
        weight: random.pick([0, 1, 1, 2, 8]),
        zone: `zone-${random.below(random.between(1, 5))}`,
      }));
    let previous = place({ ring: ringOf(drawNodes()), arcs: 32, replicas: 3 });
    for (let step = 0; step < 4; step++) {
      const ring = ringOf(drawNodes());
      const replicas = random.pick([1, 3, 5]);
      previous = place({ ring, arcs: 32, replicas, previous });
      assert.ok(previous.arcs.every(spreadJudge(ring.nodes, replicas)));
      const shares = shareOf(ring, 32, spreadOver(ring, replicas));
      const loads = loadsOf(previous.arcs);
      for (const [at, { node }] of ring.nodes.entries()) {
        assert.ok((loads.get(node) ?? 0) <= (shares[at] as FairShare).capacity);
      }
    }
  }
});

/** A change of these numbers is a change of where every cluster keeps its data. */
const GOLDEN: readonly number[] = [
  117420932, 1511435871, 3593951588, 3450542118, 3314656824, 648729185, 66167335, 1028775889,
  43548542, 4111185604,
];

test('a placement is the same in every version, process and order of input', () => {
  assert.deepEqual(digests(0), GOLDEN);
  const path = new URL('./print-digest.js', import.meta.url).pathname;
  for (const seed of [1, 2]) {
    const printed = execFileSync(process.execPath, [path, `${seed}`], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(printed), GOLDEN);
  }
});
