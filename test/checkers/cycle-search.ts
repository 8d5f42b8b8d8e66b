/** Finds the most basic cycle of a graph, by the kinds of its edges: Adya 1999, Elle 2020. */

import { type Components, findComponents } from './cycle-components.ts';
import { type Edge, type Graph, KIND } from './cycle-graph.ts';
import { joinLinks, PathFinder } from './cycle-paths.ts';

/** Beyond this many edges a cycle that was found is short enough, or need not be of one kind. */
const SCANS_MAX = 20_000_000;

/** Evidence from elements alone comes before evidence from processes or the clock. */
const STAGES = [
  { suffix: '', order: KIND.link },
  { suffix: '-process', order: KIND.link | KIND.process },
  { suffix: '-realtime', order: KIND.link | KIND.process | KIND.realtime },
] as const;

type Suffix = (typeof STAGES)[number]['suffix'];
type Level = 'G0' | 'G1c' | 'G-single' | 'G2';
export type CycleName = `${Level}${Suffix}`;

export interface Cycle {
  readonly name: CycleName;
  readonly edges: readonly Edge[];
}

export function findCycle(graph: Graph): Cycle | undefined {
  const every = STAGES[2].order | KIND.ww | KIND.wr | KIND.rw;
  if (!findComponents(graph, every).isCyclic) return undefined;
  for (const { suffix, order } of STAGES) {
    const found = findInStage(graph, order);
    if (found !== undefined) return { name: `${found.level}${suffix}`, edges: found.edges };
  }
  return undefined;
}

interface Found {
  readonly level: Level;
  readonly edges: readonly Edge[];
}

function findInStage(graph: Graph, order: number): Found | undefined {
  const read = order | KIND.ww | KIND.wr;
  const all = read | KIND.rw;
  const outer = findComponents(graph, all);
  if (!outer.isCyclic) return undefined;
  const written = findComponents(graph, order | KIND.ww);
  if (written.isCyclic) {
    return { level: 'G0', edges: shortestCycle(graph, order | KIND.ww, written) };
  }
  const inner = findComponents(graph, read);
  if (inner.isCyclic) return { level: 'G1c', edges: shortestCycle(graph, read, inner) };
  const single = shortestSingle(graph, read, { outer, inner });
  if (single !== undefined) return { level: 'G-single', edges: single };
  const edges = shortestCycle(graph, all, outer);
  const reads = edges.filter(({ kind }) => kind === KIND.rw).length;
  return { level: reads === 1 ? 'G-single' : 'G2', edges };
}

/** The shortest of those through each node, for as long as the search does not take too long. */
function shortestCycle(graph: Graph, kinds: number, { of, sizes }: Components): Edge[] {
  const finder = new PathFinder(graph);
  let shortest: Edge[] = [];
  let stepsMax = Number.POSITIVE_INFINITY;
  for (let node = 0; node < graph.nodeCount && !graph.isJunction(node); node++) {
    const component = of[node] ?? 0;
    if (sizes[component] === 1) continue;
    const isOnWay = (other: number) => of[other] === component;
    const path = finder.find({ from: node, to: node, kinds, stepsMax, isOnWay });
    if (path !== undefined) {
      shortest = joinLinks(path);
      stepsMax = shortest.length - 1;
    }
    if (stepsMax < 2 || (shortest.length > 0 && finder.scans > SCANS_MAX)) break;
  }
  return shortest;
}

interface Nesting {
  /** With the anti-dependencies. */
  readonly outer: Components;
  /** Without them, each a single node, so that their numbers are an order of the nodes. */
  readonly inner: Components;
}

/** The shortest cycle of one anti-dependency and a way back without one. */
function shortestSingle(graph: Graph, kinds: number, nesting: Nesting): Edge[] | undefined {
  const outer = nesting.outer.of;
  const inner = nesting.inner.of;
  const finder = new PathFinder(graph);
  let shortest: Edge[] | undefined;
  for (let node = 0; node < graph.nodeCount && finder.scans < SCANS_MAX; node++) {
    const end = graph.starts[node + 1] ?? 0;
    for (let at = graph.starts[node] ?? 0; at < end; at++) {
      const target = graph.targets[at] ?? 0;
      if (graph.kinds[at] !== KIND.rw || outer[target] !== outer[node]) continue;
      const last = inner[node] ?? 0;
      if ((inner[target] ?? 0) < last) continue;
      const isOnWay = (other: number) =>
        outer[other] === outer[node] && (inner[other] ?? 0) >= last;
      const stepsMax = shortest === undefined ? Number.POSITIVE_INFINITY : shortest.length - 2;
      const path = finder.find({ from: target, to: node, kinds, stepsMax, isOnWay });
      if (path === undefined) continue;
      shortest = joinLinks([graph.edge(node, at), ...path]);
      if (shortest.length === 2) return shortest;
    }
  }
  return shortest;
}
