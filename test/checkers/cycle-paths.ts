/** Shortest paths in a graph, breadth first. Junctions are no steps of a path. */

import { type Edge, type Graph, KIND } from './cycle-graph.ts';

export interface PathQuery {
  readonly from: number;
  /** The same as `from` for a cycle. */
  readonly to: number;
  readonly kinds: number;
  readonly stepsMax: number;
  /** Which nodes may be on the path. */
  isOnWay(node: number): boolean;
}

export class PathFinder {
  readonly #graph: Graph;
  readonly #queue: Int32Array;
  /** Reached, but not yet scanned. */
  readonly #junctions: number[] = [];
  /** How each node was reached, and in which search. */
  readonly #search: Int32Array;
  readonly #origin: Int32Array;
  readonly #edge: Int32Array;
  readonly #steps: Int32Array;
  #queued = 0;
  #searches = 0;
  #scans = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#queue = new Int32Array(graph.nodeCount + 1);
    this.#search = new Int32Array(graph.nodeCount);
    this.#origin = new Int32Array(graph.nodeCount);
    this.#edge = new Int32Array(graph.nodeCount);
    this.#steps = new Int32Array(graph.nodeCount);
  }

  /** Examined edges, over all searches. */
  get scans(): number {
    return this.#scans;
  }

  find(query: PathQuery): Edge[] | undefined {
    const { from, to, stepsMax } = query;
    this.#searches++;
    this.#queued = 0;
    if (from !== to) this.#search[from] = this.#searches;
    this.#queue[this.#queued++] = from;
    this.#steps[from] = 0;
    for (let at = 0; at < this.#queued; at++) {
      const node = this.#queue[at] ?? 0;
      // A cycle returns to its start, which then has steps after it.
      const steps = at === 0 ? 0 : (this.#steps[node] ?? 0);
      if (steps >= stepsMax) return undefined;
      this.#scan(node, steps, query);
      if (this.#search[to] === this.#searches) return this.#trace(from, to);
    }
    return undefined;
  }

  /** Queues what is one step away. Links are no steps, so junctions are scanned at once. */
  #scan(node: number, steps: number, query: PathQuery): void {
    const reached = this.#graph.isJunction(node) ? steps : steps + 1;
    this.#reach(node, reached, query);
    for (let next = this.#junctions.pop(); next !== undefined; next = this.#junctions.pop()) {
      this.#reach(next, reached, query);
    }
  }

  #reach(node: number, steps: number, query: PathQuery): void {
    const { starts, targets, kinds } = this.#graph;
    const end = starts[node + 1] ?? 0;
    for (let edge = starts[node] ?? 0; edge < end; edge++) {
      this.#scans++;
      const target = targets[edge] ?? 0;
      if (((kinds[edge] ?? 0) & query.kinds) === 0) continue;
      if (this.#search[target] === this.#searches || !query.isOnWay(target)) continue;
      this.#search[target] = this.#searches;
      this.#origin[target] = node;
      this.#edge[target] = edge;
      this.#steps[target] = steps;
      if (this.#graph.isJunction(target)) this.#junctions.push(target);
      else this.#queue[this.#queued++] = target;
    }
  }

  #trace(from: number, to: number): Edge[] {
    const path: Edge[] = [];
    let node = to;
    do {
      const origin = this.#origin[node] ?? 0;
      path.push(this.#graph.edge(origin, this.#edge[node] ?? 0));
      node = origin;
    } while (node !== from);
    return path.reverse();
  }
}

/** Edges from node to node, without the junctions between them. */
export function joinLinks(path: readonly Edge[]): Edge[] {
  const joined: Edge[] = [];
  for (const edge of path) {
    const last = joined.at(-1);
    if (edge.kind !== KIND.link || last === undefined) joined.push(edge);
    else joined[joined.length - 1] = { ...last, to: edge.to };
  }
  return joined;
}
