/**
 * Whether this life of the node may vouch: vote, acknowledge, lead.
 *
 * A folder may be an old copy: put back from a backup, or of a disk that was cloned. It lacks votes
 * and acknowledged entries that the node gave since, so a replica opened from it could break its
 * word. The peers know: each remembers the newest life of the others that it has confirmed, and
 * refuses one that does not follow it. So a life asks before it vouches:
 *
 * 1. It meets its peers. One that knows a later life says `older-copy`, and that ends the node; one
 *    that hears another life of the node at this moment says `still-running`, and then it waits.
 * 2. When it has met each peer that can be reached, and with itself a majority of the catalog's
 *    voters, it claims its life at all that it met. They write it down before they say `known`.
 * 3. It vouches when each of these, and with itself a majority of the catalog's voters, knows it.
 *
 * Who votes in the catalog is in the map, and in the log of a node that takes part. Either may be
 * behind the other, so the one that names more voters counts.
 *
 * A node that is a majority of the catalog's voters by itself needs no other for that. Its folder
 * may be from before the others joined, so it first asks at the addresses that it was started with:
 * a newer map tells whom to meet, or that this life is an old one.
 *
 * Nobody needs to vouch for that, so a cluster comes back after a loss of power of all. Two steps
 * and not one: the copy of a running node's folder is heard out by some peers and refused by
 * others, and what only heard it out must not take it for the newest life.
 */

import type { NodeId } from '../base/ids.ts';
import { LIFE_LIMITS } from '../base/life-limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { CATALOG_SHARD, type ClusterMap } from '../catalog/cluster-map.ts';
import type { Log } from '../storage/log/log.ts';

interface Peer {
  isMet: boolean;
  isKnown: boolean;
  /** When it was asked to know this life, since it was met. */
  askedAt: number;
  /** When it said last that it hears another life of this node. */
  objectedAt: number;
}

interface ConfirmationOptions {
  readonly self: NodeId;
  readonly now: number;
  /** Addresses are asked that the map may not know; `heardOut` tells when all have answered. */
  readonly isEnquiring: boolean;
}

const NEVER = Number.NEGATIVE_INFINITY;

export class Confirmation {
  readonly #self: NodeId;
  readonly #peers = new Map<NodeId, Peer>();
  /** Milliseconds in which this node was awake: what waits in its sockets is read first. */
  #awake = 0;
  #now: number;
  #claimedAt: number | undefined;
  #objectedSince = NEVER;
  #isEnquiring: boolean;
  isConfirmed = false;

  constructor({ self, now, isEnquiring }: ConfirmationOptions) {
    this.#self = self;
    this.#now = now;
    this.#isEnquiring = isEnquiring;
  }

  get awake(): number {
    return this.#awake;
  }

  pass(now: number): void {
    this.#awake += Math.min(now - this.#now, NODE_LIMITS.beatMilliseconds);
    this.#now = now;
  }

  meet(node: NodeId): void {
    const peer = this.#peer(node);
    peer.isMet = true;
    peer.askedAt = NEVER;
  }

  /** What it wrote down it still knows. */
  lose(node: NodeId): void {
    this.#peer(node).isMet = false;
  }

  object(node: NodeId): void {
    if (!this.isObjected) this.#objectedSince = this.#awake;
    this.#peer(node).objectedAt = this.#awake;
  }

  know(node: NodeId): void {
    this.#peer(node).isKnown = true;
  }

  /** All addresses have answered, and what they said is known. */
  heardOut(): void {
    this.#isEnquiring = false;
  }

  /** Some address may yet tell of a newer map. One that does not answer is not waited for long. */
  get isEnquiring(): boolean {
    return this.#isEnquiring && this.#awake < LIFE_LIMITS.enquiryMilliseconds;
  }

  /** It needs no other to be confirmed. */
  isMajorityAlone(electorates: readonly Electorate[]): boolean {
    return this.#isMajority(electorates, () => false);
  }

  /** A peer hears another life of this node. */
  get isObjected(): boolean {
    return [...this.#peers.values()].some((peer) => this.#isObjecting(peer));
  }

  /** For so long that the line to a dead process would have been given up. */
  get isRefuted(): boolean {
    if (this.isConfirmed || !this.isObjected) return false;
    return this.#awake - this.#objectedSince >= LIFE_LIMITS.copyMilliseconds;
  }

  /** The peers at which the life is to be claimed now. Looks whether it is confirmed. */
  look(map: ClusterMap, electorates = electoratesIn(map)): readonly NodeId[] {
    if (this.isConfirmed) return [];
    const others = map.nodes.map(({ node }) => node).filter((node) => node !== this.#self);
    if (others.some((node) => this.#isAwaited(this.#peer(node)))) return [];
    if (!this.#isMajority(electorates, ({ isMet, isKnown }) => isMet || isKnown)) return [];
    this.#claimedAt ??= this.#awake;
    const asked = others.filter((node) => {
      const { isMet, isKnown } = this.#peer(node);
      return isMet && !isKnown;
    });
    // A disk that hangs is not waited for: its node knows the life, if not for good.
    const isLong = this.#awake - this.#claimedAt >= LIFE_LIMITS.slowClaimMilliseconds;
    const isHeardOut = asked.length === 0 || isLong;
    const isOnItsOwn = !others.some((node) => this.#peer(node).isKnown);
    const mayBeSure = isHeardOut && !(isOnItsOwn && this.isEnquiring);
    this.isConfirmed = mayBeSure && this.#isMajority(electorates, ({ isKnown }) => isKnown);
    return this.isConfirmed ? [] : asked.filter((node) => this.#ask(this.#peer(node)));
  }

  /** Once for each time that it is met; what a full buffer swallowed is said again. */
  #ask(peer: Peer): boolean {
    if (this.#awake - peer.askedAt < NODE_LIMITS.silenceMilliseconds) return false;
    peer.askedAt = this.#awake;
    return true;
  }

  /** It may yet be reached, or it hears another life. */
  #isAwaited(peer: Peer): boolean {
    if (this.#isObjecting(peer)) return true;
    return !peer.isMet && !peer.isKnown && this.#awake < LIFE_LIMITS.meetMilliseconds;
  }

  #isObjecting({ isMet, objectedAt }: Peer): boolean {
    return !isMet && this.#awake - objectedAt < LIFE_LIMITS.meetMilliseconds;
  }

  #isMajority(electorates: readonly Electorate[], is: (peer: Peer) => boolean): boolean {
    const most = Math.max(...electorates.map((voters) => voters.length));
    return electorates.some((voters) => {
      const sure = voters.filter((node) => node === this.#self || is(this.#peer(node)));
      return voters.length === most && sure.length * 2 > most;
    });
  }

  #peer(node: NodeId): Peer {
    let peer = this.#peers.get(node);
    if (peer === undefined) {
      peer = { isMet: false, isKnown: false, askedAt: NEVER, objectedAt: NEVER };
      this.#peers.set(node, peer);
    }
    return peer;
  }
}

/** Nodes that vote in the catalog, by one account. */
type Electorate = readonly NodeId[];

/** By the map, and by the newest configuration in this node's own log of the catalog, if any. */
export function electoratesIn({ shards }: ClusterMap, log?: Log): readonly Electorate[] {
  const members = shards[CATALOG_SHARD]?.members ?? [];
  const byMap = members.filter(({ isVoter }) => isVoter).map(({ node }) => node);
  const newest = log?.replica(CATALOG_SHARD)?.configurations.at(-1)?.configuration;
  const byLog = [newest?.voters ?? [], newest?.outgoing ?? []].map((voters) =>
    members.filter(({ member }) => voters.includes(member)).map(({ node }) => node),
  );
  return [byMap, ...byLog];
}
