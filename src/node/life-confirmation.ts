/**
 * Whether this life of the node is confirmed: only a confirmed life votes, acknowledges and leads.
 *
 * A data folder may be an old copy: restored from a backup, or from a cloned disk. It lacks votes
 * and acknowledged entries that the node gave since, so a replica opened from it could break a
 * promise. The peers know: each remembers the newest life of every other node that it has
 * confirmed, and refuses a life that does not follow it. So a life asks first:
 *
 * 1. It meets its peers. A peer that knows a later life answers `older-copy`, which ends the node;
 * a peer that hears another life of the node at present answers `still-running`, and the life
 * waits.
 * 2. When it has met each reachable peer, and with itself a majority of the catalog's voters, it
 * claims its life at all peers that it met. They store it before they answer `known`.
 * 3. It is confirmed when each of these, and with itself a majority of the catalog's voters, knows
 * it.
 *
 * The catalog's voters are in the map, and in the log of a node that takes part. Either may be
 * behind the other, so the one that names more voters counts.
 *
 * A node that is a majority of the catalog's voters by itself needs no peer for that. Its folder
 * may be from before the others joined, so it first asks the addresses that it was started with: a
 * newer map names the peers to meet, or shows that this life is an old one.
 *
 * No peer has to be confirmed itself to answer, so a cluster comes back after a power failure of
 * all nodes. There are two steps because a copy of a running node's folder is met by some peers and
 * refused by others: the peers that only met it must not store it as the newest life.
 */

import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { CATALOG_SHARD, type ClusterMap } from '../catalog/cluster-map.ts';
import type { Log } from '../storage/log/log.ts';
import { LIFE_LIMITS } from './limits.ts';

interface Peer {
  isMet: boolean;
  isKnown: boolean;
  /** When the peer was asked to store this life, since it was met. */
  askedAt: number;
  /** When it last reported that it hears another life of this node. */
  objectedAt: number;
}

interface ConfirmationOptions {
  readonly self: NodeId;
  readonly now: number;
  /** Addresses that may not be in the map are being asked; `heardOut` ends that. */
  readonly isEnquiring: boolean;
}

const NEVER = Number.NEGATIVE_INFINITY;

export class Confirmation {
  readonly #self: NodeId;
  readonly #peers = new Map<NodeId, Peer>();
  /** Milliseconds in which this node ran: messages in its sockets are read first. */
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

  /** What the peer stored it still knows. */
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

  /** All addresses have answered, and their answers are known. */
  heardOut(): void {
    this.#isEnquiring = false;
  }

  /**
   * An address may still report a newer map. One that does not answer is waited for only briefly.
   */
  get isEnquiring(): boolean {
    return this.#isEnquiring && this.#awake < LIFE_LIMITS.enquiryMilliseconds;
  }

  /** It needs no other node for its confirmation. */
  isMajorityAlone(electorates: readonly Electorate[]): boolean {
    return this.#isMajority(electorates, () => false);
  }

  /** A peer hears another life of this node. */
  get isObjected(): boolean {
    return [...this.#peers.values()].some((peer) => this.#isObjecting(peer));
  }

  /** For so long that the connection of a dead process would have been closed. */
  get isRefuted(): boolean {
    if (this.isConfirmed || !this.isObjected) return false;
    return this.#awake - this.#objectedSince >= LIFE_LIMITS.copyMilliseconds;
  }

  /** The peers at which to claim the life now. Also updates whether the life is confirmed. */
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
    // A hanging disk is not waited for: its node knows the life, though not durably.
    const isLong = this.#awake - this.#claimedAt >= LIFE_LIMITS.slowClaimMilliseconds;
    const isHeardOut = asked.length === 0 || isLong;
    const isOnItsOwn = !others.some((node) => this.#peer(node).isKnown);
    const mayBeSure = isHeardOut && !(isOnItsOwn && this.isEnquiring);
    this.isConfirmed = mayBeSure && this.#isMajority(electorates, ({ isKnown }) => isKnown);
    return this.isConfirmed ? [] : asked.filter((node) => this.#ask(this.#peer(node)));
  }

  /** Asks once each time a peer is met; a message that a full buffer dropped is repeated. */
  #ask(peer: Peer): boolean {
    if (this.#awake - peer.askedAt < NODE_LIMITS.silenceMilliseconds) return false;
    peer.askedAt = this.#awake;
    return true;
  }

  /** The peer may yet be reached, or it hears another life. */
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

/** The voters of the catalog, according to one source. */
type Electorate = readonly NodeId[];

/** According to the map, and to the newest configuration in this node's own log of the catalog. */
export function electoratesIn({ shards }: ClusterMap, log?: Log): readonly Electorate[] {
  const members = shards[CATALOG_SHARD]?.members ?? [];
  const byMap = members.filter(({ isVoter }) => isVoter).map(({ node }) => node);
  const newest = log?.replica(CATALOG_SHARD)?.configurations.at(-1)?.configuration;
  const byLog = [newest?.voters ?? [], newest?.outgoing ?? []].map((voters) =>
    members.filter(({ member }) => voters.includes(member)).map(({ node }) => node),
  );
  return [byMap, ...byLog];
}
