/** The strongly connected components of a graph: Tarjan 1972, a stack in place of recursion. */

import type { Graph } from './cycle-graph.ts';

export interface Components {
  /** The number of each node's component. Edges between components lead to lower numbers. */
  readonly of: Int32Array;
  /** How many nodes each component has. */
  readonly sizes: Int32Array;
  readonly isCyclic: boolean;
}

/** Follows the edges of these kinds only. */
export function findComponents(graph: Graph, kinds: number): Components {
  return new ComponentSearch(graph, kinds).run();
}

class ComponentSearch {
  readonly #graph: Graph;
  readonly #kinds: number;
  /** The next edge of each node to follow. */
  readonly #next: Int32Array;
  /** When each node was entered, from one on; zero before that. */
  readonly #entered: Int32Array;
  /** The earliest entered node of an open component that each node leads to. */
  readonly #low: Int32Array;
  readonly #component: Int32Array;
  readonly #sizes: Int32Array;
  /** From the root to the present node. */
  readonly #path: Int32Array;
  /** Nodes whose component is open. */
  readonly #open: Int32Array;
  #pathLength = 0;
  #openCount = 0;
  #enteredCount = 0;
  #componentCount = 0;

  constructor(graph: Graph, kinds: number) {
    const { nodeCount } = graph;
    this.#graph = graph;
    this.#kinds = kinds;
    this.#next = graph.starts.slice();
    this.#entered = new Int32Array(nodeCount);
    this.#low = new Int32Array(nodeCount);
    this.#component = new Int32Array(nodeCount).fill(-1);
    this.#sizes = new Int32Array(nodeCount);
    this.#path = new Int32Array(nodeCount);
    this.#open = new Int32Array(nodeCount);
  }

  /**
   * Late nodes first: where edges lead from early nodes to late ones, as they mostly do, components
   * are then numbered as the nodes are, but downwards.
   */
  run(): Components {
    for (let root = this.#graph.nodeCount - 1; root >= 0; root--) {
      if (this.#entered[root] === 0) this.#searchFrom(root);
    }
    const isCyclic = this.#componentCount < this.#graph.nodeCount;
    const sizes = this.#sizes.subarray(0, this.#componentCount);
    return { of: this.#component, sizes, isCyclic };
  }

  #searchFrom(root: number): void {
    const { starts, targets, kinds } = this.#graph;
    const low = this.#low;
    this.#enter(root);
    while (this.#pathLength > 0) {
      const node = this.#path[this.#pathLength - 1] ?? 0;
      const edge = this.#next[node] ?? 0;
      if (edge === starts[node + 1]) {
        this.#leave(node);
        continue;
      }
      this.#next[node] = edge + 1;
      if (((kinds[edge] ?? 0) & this.#kinds) === 0) continue;
      const target = targets[edge] ?? 0;
      const entered = this.#entered[target] ?? 0;
      if (entered === 0) this.#enter(target);
      else if ((this.#component[target] ?? 0) < 0) low[node] = Math.min(low[node] ?? 0, entered);
    }
  }

  #enter(node: number): void {
    this.#enteredCount++;
    this.#entered[node] = this.#enteredCount;
    this.#low[node] = this.#enteredCount;
    this.#path[this.#pathLength++] = node;
    this.#open[this.#openCount++] = node;
  }

  #leave(node: number): void {
    const low = this.#low[node] ?? 0;
    this.#pathLength--;
    if (this.#pathLength > 0) {
      const parent = this.#path[this.#pathLength - 1] ?? 0;
      this.#low[parent] = Math.min(this.#low[parent] ?? 0, low);
    }
    if (low !== this.#entered[node]) return;
    const component = this.#componentCount++;
    let member: number;
    do {
      this.#openCount--;
      member = this.#open[this.#openCount] ?? 0;
      this.#component[member] = component;
      this.#sizes[component] = (this.#sizes[component] ?? 0) + 1;
    } while (member !== node);
  }
}
