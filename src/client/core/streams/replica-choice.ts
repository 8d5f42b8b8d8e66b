/** Which replica serves a stream next: each one once, before any of them is asked again. */

import type { NodeId } from '../../../base/ids.ts';

interface Situation {
  /** The nodes that should have a replica. */
  readonly nodes: readonly NodeId[];
  readonly leader: NodeId | undefined;
  readonly replicas: 'any' | 'leader';
  readonly isConnected: (node: NodeId) => boolean;
  /** One of several that are equally good. */
  readonly pick: (nodes: readonly NodeId[]) => NodeId | undefined;
}

export class ReplicaChoice {
  #tried = new Set<NodeId>();
  /** A replica does not know what comes behind the position: all others are asked for it. */
  #isSearching = false;
  #wantsLeader = false;

  /** Undefined when all were tried. */
  next({ nodes, leader, replicas, isConnected, pick }: Situation): NodeId | undefined {
    if (replicas === 'leader' && !this.#isSearching) return leader;
    const left = nodes.filter((node) => !this.#tried.has(node));
    const leads = left.find((node) => node === leader);
    if (this.#wantsLeader && leads !== undefined) return leads;
    // Followers first, since the leader has the writes to serve.
    const followers = left.filter((node) => node !== leader);
    const connected = followers.filter(isConnected);
    if (connected.length > 0) return pick(connected);
    // A stream that was lost waits for no dial.
    const isHurried = this.#tried.size > 0 && !this.#isSearching;
    if (isHurried && leads !== undefined && isConnected(leads)) return leads;
    return pick(followers) ?? leads;
  }

  hasOther({ nodes, replicas }: Pick<Situation, 'nodes' | 'replicas'>): boolean {
    if (replicas === 'leader' && !this.#isSearching) return true;
    return nodes.some((node) => !this.#tried.has(node));
  }

  fail(node: NodeId): void {
    this.#tried.add(node);
    this.#wantsLeader = false;
  }

  /** It could not prove that it is fresh: the leader most likely can. */
  failStale(node: NodeId): void {
    this.#tried.add(node);
    this.#wantsLeader = true;
  }

  failGone(node: NodeId): void {
    this.#tried.add(node);
    this.#isSearching = true;
    this.#wantsLeader = false;
  }

  /** Whether every replica was asked for what one of them did not know. */
  isLost(nodes: readonly NodeId[]): boolean {
    return this.#isSearching && nodes.every((node) => this.#tried.has(node));
  }

  /** All may be asked again. */
  reset(): void {
    this.#tried.clear();
    this.#isSearching = false;
    this.#wantsLeader = false;
  }
}
