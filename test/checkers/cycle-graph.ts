/** A directed graph with kinds of edges, packed so that millions of edges are cheap to follow. */

import { assert } from '../../src/base/assert.ts';

/** Bits, so that a search can follow several kinds. */
export const KIND = {
  /** The element of one follows that of the other. */
  ww: 1,
  /** One read what the other appended. */
  wr: 2,
  /** One read the list without what the other appended. */
  rw: 4,
  process: 8,
  realtime: 16,
  /** Leads on from a junction. Every search follows it. */
  link: 32,
} as const;

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: number;
  /** For the explanation of the edge. */
  readonly label: number;
}

const EDGES_MIN = 1024;

/**
 * Nodes are numbered, junctions after the others. A junction stands for edges from each of many
 * to each of many: they lead to it, and links lead on.
 */
export class Graph {
  readonly nodeCount: number;
  readonly #junctionsFrom: number;
  /** The edges of a node are those from its start to the start of the next. */
  readonly starts: Int32Array;
  readonly targets: Int32Array;
  readonly kinds: Uint8Array;
  readonly #labels: Int32Array;

  constructor(edges: EdgeList) {
    this.nodeCount = edges.nodeCount;
    this.#junctionsFrom = edges.junctionsFrom;
    this.starts = new Int32Array(edges.nodeCount + 1);
    this.targets = new Int32Array(edges.count);
    this.kinds = new Uint8Array(edges.count);
    this.#labels = new Int32Array(edges.count);
    const { starts } = this;
    for (let edge = 0; edge < edges.count; edge++) {
      const from = edges.from[edge] ?? 0;
      starts[from] = (starts[from] ?? 0) + 1;
    }
    let end = 0;
    for (let node = 0; node <= edges.nodeCount; node++) {
      end += starts[node] ?? 0;
      starts[node] = end;
    }
    for (let edge = edges.count - 1; edge >= 0; edge--) {
      const from = edges.from[edge] ?? 0;
      const at = (starts[from] ?? 0) - 1;
      starts[from] = at;
      this.targets[at] = edges.to[edge] ?? 0;
      this.kinds[at] = edges.kind[edge] ?? 0;
      this.#labels[at] = edges.label[edge] ?? 0;
    }
  }

  isJunction(node: number): boolean {
    return node >= this.#junctionsFrom;
  }

  edge(from: number, at: number): Edge {
    return {
      from,
      to: this.targets[at] ?? 0,
      kind: this.kinds[at] ?? 0,
      label: this.#labels[at] ?? 0,
    };
  }
}

/** The edges of a graph to be, in any order. */
export class EdgeList {
  readonly junctionsFrom: number;
  nodeCount: number;
  count = 0;
  from = new Int32Array(EDGES_MIN);
  to = new Int32Array(EDGES_MIN);
  kind = new Uint8Array(EDGES_MIN);
  label = new Int32Array(EDGES_MIN);

  constructor(nodeCount: number) {
    this.nodeCount = nodeCount;
    this.junctionsFrom = nodeCount;
  }

  addJunction(): number {
    return this.nodeCount++;
  }

  add({ from, to, kind, label }: Edge): void {
    assert(from !== to, 'nothing comes before itself');
    if (this.count === this.from.length) this.#grow();
    this.from[this.count] = from;
    this.to[this.count] = to;
    this.kind[this.count] = kind;
    this.label[this.count] = label;
    this.count++;
  }

  #grow(): void {
    const length = this.count * 2;
    const widened = (old: Int32Array) => {
      const wide = new Int32Array(length);
      wide.set(old);
      return wide;
    };
    this.from = widened(this.from);
    this.to = widened(this.to);
    this.label = widened(this.label);
    const kind = new Uint8Array(length);
    kind.set(this.kind);
    this.kind = kind;
  }
}
