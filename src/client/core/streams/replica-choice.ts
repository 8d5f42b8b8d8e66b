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
  /** Made when one has failed: most streams never need it. */
  #tried: Set<NodeId> | undefined;
  /** A replica does not know what comes behind the position: all others are asked for it. */
  #isSearching = false;
  #wantsLeader = false;

  /** Undefined when all were tried. */
  next({ nodes, leader, replicas, isConnected, pick }: Situation): NodeId | undefined {
    if (replicas === 'leader' && !this.#isSearching) return leader;
    const left = nodes.filter((node) => !this.#hasTried(node));
    const leads = left.find((node) => node === leader);
    if (this.#wantsLeader && leads !== undefined) return leads;
    // Followers first, since the leader has the writes to serve.
    const followers = left.filter((node) => node !== leader);
    const connected = followers.filter(isConnected);
    if (connected.length > 0) return pick(connected);
    // A stream that was lost waits for no dial.
    const isHurried = this.#tried !== undefined && !this.#isSearching;
    if (isHurried && leads !== undefined && isConnected(leads)) return leads;
    return pick(followers) ?? leads;
  }

  hasOther({ nodes, replicas }: Pick<Situation, 'nodes' | 'replicas'>): boolean {
    if (replicas === 'leader' && !this.#isSearching) return true;
    return nodes.some((node) => !this.#hasTried(node));
  }

  fail(node: NodeId): void {
    this.#note(node);
    this.#wantsLeader = false;
  }

  /** It could not prove that it is fresh: the leader most likely can. */
  failStale(node: NodeId): void {
    this.#note(node);
    this.#wantsLeader = true;
  }

  failGone(node: NodeId): void {
    this.#note(node);
    this.#isSearching = true;
    this.#wantsLeader = false;
  }

  /** Whether every replica was asked for what one of them did not know. */
  isLost(nodes: readonly NodeId[]): boolean {
    return this.#isSearching && nodes.every((node) => this.#hasTried(node));
  }

  /** All may be asked again. */
  reset(): void {
    this.#tried = undefined;
    this.#isSearching = false;
    this.#wantsLeader = false;
  }

  #note(node: NodeId): void {
    this.#tried ??= new Set();
    this.#tried.add(node);
  }

  #hasTried(node: NodeId): boolean {
    return this.#tried?.has(node) === true;
  }
}
