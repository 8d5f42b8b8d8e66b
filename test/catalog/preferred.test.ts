/** The preferred leaders: even, and changed as little as possible. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { spreadPreferred } from '../../src/catalog/preferred.ts';
import { place } from '../../src/ring/placement.ts';
import { buildRing } from '../../src/ring/ring.ts';

const ZERO = 0 as NodeId;

function countsOf(preferred: readonly NodeId[], nodes: readonly NodeId[]): number[] {
  return nodes.map((node) => preferred.filter((one) => one === node).length);
}

function numbered(count: number): NodeId[] {
  return Array.from({ length: count }, (_, at) => (at + 1) as NodeId);
}

test('on nodes of one weight the counts differ by one at most, as the cluster grows too', (t) => {
  let changesMax = 0;
  for (const shards of [1, 16, 64, 100, 256]) {
    let goals: readonly (readonly NodeId[])[] = [];
    let nodesBefore: NodeId[] = [];
    let preferred: NodeId[] = [];
    for (let count = 1; count <= 9; count++) {
      const nodes = numbered(count);
      const weighted = (list: NodeId[]) => list.map((node) => ({ node, weight: 1, zone: '' }));
      const previous = count === 1 ? undefined : { nodes: weighted(nodesBefore), arcs: goals };
      const ring = buildRing(weighted(nodes));
      goals = place({ ring, arcs: shards, replicas: 3, previous }).arcs;
      const weights = new Map(nodes.map((node) => [node, 1]));
      const former = preferred.length === 0 ? goals.map(() => ZERO) : preferred;
      const lost = former.filter((node, at) => !goals[at]?.includes(node)).length;
      preferred = spreadPreferred({ goals, previous: former, weights });
      const counts = countsOf(preferred, nodes);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${shards} on ${count}: ${counts}`);
      const changes = preferred.filter((node, at) => node !== former[at]).length;
      if (count > 1)
        changesMax = Math.max(changesMax, (changes - lost) / Math.ceil(shards / count));
      assert.deepEqual(spreadPreferred({ goals, previous: preferred, weights }), preferred);
      nodesBefore = nodes;
    }
  }
  t.diagnostic(`a join changes at most ${changesMax.toFixed(2)} times the newcomer's share`);
  assert.ok(changesMax <= 2);
});

test('no assignment is more even by weight than the one that is found', () => {
  const random = new Random(41);
  for (let round = 0; round < 300; round++) {
    const nodes = numbered(random.between(1, 4));
    const goals = Array.from({ length: random.between(1, 6) }, () => {
      const goal = random.shuffle(nodes).slice(0, random.between(1, nodes.length));
      return goal.sort((one, other) => one - other);
    });
    const weights = new Map(nodes.map((node) => [node, random.between(1, 4)]));
    const costOf = (preferred: readonly NodeId[]) => {
      const counts = countsOf(preferred, nodes);
      const costs = counts.map((count, at) => count ** 2 / (weights.get(nodes[at] as NodeId) ?? 1));
      return costs.reduce((sum, cost) => sum + cost, 0);
    };
    const previous = goals.map(() => random.pick([...nodes, ZERO]));
    const found = spreadPreferred({ goals, previous, weights });
    assert.ok(found.every((node, shard) => goals[shard]?.includes(node)));
    let best = Number.POSITIVE_INFINITY;
    const tryAll = (chosen: readonly NodeId[]) => {
      if (chosen.length === goals.length) best = Math.min(best, costOf(chosen));
      for (const node of goals[chosen.length] ?? []) tryAll([...chosen, node]);
    };
    tryAll([]);
    assert.ok(Math.abs(costOf(found) - best) < 1e-9, `${costOf(found)} and not ${best}`);
  }
});
