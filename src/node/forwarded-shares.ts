/**
 * The fair-queue flows of requests from other nodes: each client of another node has its own, so
 * that one of them does not block the rest.
 */

import type { NodeId } from '../base/ids.ts';
import { Flow, type FlowGroup } from '../shard/fair-queue.ts';

interface ForwardedSharesOptions {
  /** The free capacity of the path to a node. */
  readonly roomTo: (node: NodeId) => number;
}

interface Asking {
  readonly shares: Map<number, Flow>;
  /** Answered in this turn, in bytes: not yet given to the transport. */
  answered: number;
}

export class ForwardedShares {
  readonly #options: ForwardedSharesOptions;
  readonly #nodes = new Map<NodeId, Asking>();

  constructor(options: ForwardedSharesOptions) {
    this.#options = options;
  }

  /** `groupOf` is asked for a new flow: with the other clients of its user, it has one share. */
  of(node: NodeId, client: number, groupOf?: () => FlowGroup | undefined): Flow {
    const asking = this.#nodes.get(node) ?? { shares: new Map(), answered: 0 };
    this.#nodes.set(node, asking);
    const known = asking.shares.get(client);
    if (known !== undefined) return known;
    // A node's own requests are steps of transactions, which hold locks that other requests wait
    // for.
    const mayGoOn = () => client === 0 || this.#options.roomTo(node) > asking.answered;
    const share = new Flow({ client, mayGoOn, group: groupOf?.() });
    asking.shares.set(client, share);
    return share;
  }

  answered(node: NodeId, bytes: number): void {
    const asking = this.#nodes.get(node);
    if (asking !== undefined) asking.answered += bytes;
  }

  /** The answers are with the transport. */
  endTurn(): void {
    for (const asking of this.#nodes.values()) asking.answered = 0;
  }

  /** Its clients will retry elsewhere: nothing is computed for them here any more. */
  lose(node: NodeId): void {
    for (const share of this.#nodes.get(node)?.shares.values() ?? []) share.leave();
    this.#nodes.delete(node);
  }

  /** Flows without recent requests are removed. */
  tick(): void {
    for (const { shares } of this.#nodes.values()) {
      for (const [client, share] of shares) {
        if (!share.hasJobs && share.ranges === 0) shares.delete(client);
      }
    }
  }
}
