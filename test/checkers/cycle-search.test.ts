/** Components, paths and cycles of random graphs against plain reachability. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { findComponents } from './cycle-components.ts';
import { EdgeList, Graph, KIND } from './cycle-graph.ts';
import { joinLinks, PathFinder } from './cycle-paths.ts';
import { findCycle } from './cycle-search.ts';

const KINDS = [KIND.ww, KIND.wr, KIND.rw];
const ALL = KIND.ww | KIND.wr | KIND.rw | KIND.link;
const ROUNDS = 500;

interface Drawn {
  readonly graph: Graph;
  readonly nodes: number;
  /** For the same graph without its junctions: where each node leads to. */
  readonly targets: readonly ReadonlySet<number>[];
}

function drawGraph(random: Random): Drawn {
  const nodes = random.between(2, 12);
  const edges = new EdgeList(nodes);
  const targets = Array.from({ length: nodes }, () => new Set<number>());
  const connect = (from: number, to: number) => {
    if (from === to) return;
    edges.add({ from, to, kind: random.pick(KINDS), label: 0 });
    targets[from]?.add(to);
  };
  for (let count = random.below(nodes * 2); count > 0; count--) {
    connect(random.below(nodes), random.below(nodes));
  }
  const order = random.shuffle([...targets.keys()]);
  const sources = order.slice(0, random.below(3));
  const sinks = order.slice(-random.between(1, nodes - sources.length));
  const one = edges.addJunction();
  const other = edges.addJunction();
  edges.add({ from: one, to: other, kind: KIND.link, label: 0 });
  for (const from of sources) {
    edges.add({ from, to: one, kind: random.pick(KINDS), label: 0 });
    for (const to of sinks) targets[from]?.add(to);
  }
  for (const to of sinks) edges.add({ from: other, to, kind: KIND.link, label: 0 });
  return { graph: new Graph(edges), nodes, targets };
}

/** The steps from each node to each other and back to itself, by following every edge. */
function measure({ nodes, targets }: Drawn, from: number): number[] {
  const steps = Array.from({ length: nodes }, () => Number.POSITIVE_INFINITY);
  let reached = new Set([from]);
  for (let step = 1; step <= nodes; step++) {
    reached = new Set([...reached].flatMap((node) => [...(targets[node] ?? [])]));
    for (const node of reached) steps[node] = Math.min(steps[node] ?? 0, step);
  }
  return steps;
}

test('nodes are in one component if and only if each leads to the other', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const drawn = drawGraph(new Random(seed));
    const { of, sizes, isCyclic } = findComponents(drawn.graph, ALL);
    const steps = [...drawn.targets.keys()].map((node) => measure(drawn, node));
    const leads = (from: number, to: number) => (steps[from]?.[to] ?? 0) < Number.POSITIVE_INFINITY;
    for (let one = 0; one < drawn.nodes; one++) {
      assert.equal((sizes[of[one] ?? 0] ?? 0) > 1, leads(one, one), `seed ${seed}`);
      for (let other = 0; other < one; other++) {
        const isMutual = leads(one, other) && leads(other, one);
        assert.equal(of[one] === of[other], isMutual, `seed ${seed}`);
        if (leads(one, other)) assert.ok((of[one] ?? 0) >= (of[other] ?? 0), `seed ${seed}`);
      }
    }
    assert.equal(
      isCyclic,
      steps.some((row, node) => row[node] !== Number.POSITIVE_INFINITY),
    );
  }
});

test('a path is a shortest one, and passes through no junction', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const drawn = drawGraph(new Random(seed));
    const finder = new PathFinder(drawn.graph);
    for (let from = 0; from < drawn.nodes; from++) {
      for (const [to, steps] of measure(drawn, from).entries()) {
        const query = { from, to, kinds: ALL, stepsMax: drawn.nodes, isOnWay: () => true };
        const path = finder.find(query);
        const joined = path === undefined ? undefined : joinLinks(path);
        assert.equal(joined?.length ?? Number.POSITIVE_INFINITY, steps, `seed ${seed}`);
        for (const edge of joined ?? []) assert.ok(drawn.targets[edge.from]?.has(edge.to));
        if (path === undefined) continue;
        assert.equal(finder.find({ ...query, stepsMax: steps - 1 }), undefined);
      }
    }
  }
});

test('a cycle is found if there is one, and its edges follow each other', () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const drawn = drawGraph(new Random(seed));
    const cycle = findCycle(drawn.graph);
    assert.equal(cycle !== undefined, findComponents(drawn.graph, ALL).isCyclic, `seed ${seed}`);
    const edges = cycle?.edges ?? [];
    for (const [at, { from }] of edges.entries()) assert.equal(edges.at(at - 1)?.to, from);
    const count = edges.filter(({ kind }) => kind === KIND.rw).length;
    if (cycle?.name === 'G-single') assert.equal(count, 1);
    if (cycle?.name === 'G2') assert.ok(count > 1);
    if (cycle?.name === 'G0' || cycle?.name === 'G1c') assert.equal(count, 0);
  }
});

test('a ring of a hundred thousand nodes needs no deep stack', () => {
  const nodes = 100_000;
  const edges = new EdgeList(nodes);
  for (let from = 0; from < nodes; from++) {
    const kind = from === 0 ? KIND.rw : KIND.ww;
    edges.add({ from, to: (from + 1) % nodes, kind, label: 0 });
  }
  const cycle = findCycle(new Graph(edges));
  assert.equal(cycle?.name, 'G-single');
  assert.equal(cycle?.edges.length, nodes);
});
