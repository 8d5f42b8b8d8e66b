/** What a node knows of its peers: when each was heard last, and whether it is silent. */

import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { RecentMaximum } from '../base/recent-maximum.ts';

interface Peer {
  heardAt: number;
  greetedAt: number;
  /** How long it recently was silent between two messages. */
  readonly gaps: RecentMaximum;
  /** When the shards were last told of its silence; undefined while it is heard. */
  toldAt: number | undefined;
  /** Its disk is nearly full, according to its last message. */
  isReadOnly: boolean;
}

interface Silence {
  readonly node: NodeId;
  /** Not yet reported since the peer was heard last. */
  readonly isNews: boolean;
}

export class Peers {
  readonly #peers = new Map<NodeId, Peer>();

  get nodes(): readonly NodeId[] {
    return [...this.#peers.keys()];
  }

  /** Sets the peers, without this node itself. New ones get time to speak. */
  set(nodes: readonly NodeId[], now: number): void {
    for (const node of this.#peers.keys()) if (!nodes.includes(node)) this.#peers.delete(node);
    for (const node of nodes) {
      if (this.#peers.has(node)) continue;
      const gaps = new RecentMaximum(NODE_LIMITS.gapWindowTicks);
      this.#peers.set(node, {
        heardAt: now,
        greetedAt: now,
        gaps,
        toldAt: undefined,
        isReadOnly: false,
      });
    }
  }

  hear(node: NodeId, now: number): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    const gap = now - peer.heardAt;
    // A longer gap means that the peer was down or partitioned, which says nothing of its delays.
    if (gap < NODE_LIMITS.silenceMillisecondsMax) peer.gaps.observe(gap);
    peer.heardAt = now;
    peer.toldAt = undefined;
  }

  noteReadOnly(node: NodeId, isReadOnly: boolean): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) peer.isReadOnly = isReadOnly;
  }

  isReadOnly(node: NodeId): boolean {
    return this.#peers.get(node)?.isReadOnly ?? false;
  }

  /** A heartbeat left for it. */
  greeted(node: NodeId, now: number): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) peer.greetedAt = now;
  }

  /**
   * The peers that need a heartbeat. Other frames are no substitute: a heartbeat carries the map
   * version of its sender.
   */
  due(now: number): readonly NodeId[] {
    return this.#which(({ greetedAt }) => now - greetedAt >= NODE_LIMITS.beatMilliseconds);
  }

  isHeard(node: NodeId, now: number): boolean {
    const peer = this.#peers.get(node);
    return peer !== undefined && now - peer.heardAt < silenceOf(peer);
  }

  /** There are peers, and none of them is heard. */
  isLonely(now: number): boolean {
    const { nodes } = this;
    return nodes.length > 0 && !nodes.some((node) => this.isHeard(node, now));
  }

  heardAt(node: NodeId): number | undefined {
    return this.#peers.get(node)?.heardAt;
  }

  /** Once a tick. Advances the windows of what was observed. */
  tick(): void {
    for (const { gaps } of this.#peers.values()) gaps.tick();
  }

  /**
   * The silent peers to report. Silence is reported repeatedly, because a shard may quiesce on a
   * late message of a leader whose silence was reported before.
   */
  silent(now: number): readonly Silence[] {
    const silent: Silence[] = [];
    for (const [node, peer] of this.#peers) {
      const since = Math.max(peer.heardAt, peer.toldAt ?? peer.heardAt);
      if (now - since < silenceOf(peer)) continue;
      silent.push({ node, isNews: peer.toldAt === undefined });
      peer.toldAt = now;
    }
    return silent;
  }

  #which(is: (peer: Peer) => boolean): readonly NodeId[] {
    const nodes: NodeId[] = [];
    for (const [node, peer] of this.#peers) if (is(peer)) nodes.push(node);
    return nodes;
  }
}

/**
 * Three times the repeated gaps: a node on an overloaded processor is not down, and a single long
 * silence is no reason to expect another.
 */
function silenceOf({ gaps }: Peer): number {
  const { silenceMilliseconds, silenceMillisecondsMax } = NODE_LIMITS;
  return Math.min(
    Math.max(GAPS_PER_SILENCE * gaps.sustained, silenceMilliseconds),
    silenceMillisecondsMax,
  );
}

const GAPS_PER_SILENCE = 3;
