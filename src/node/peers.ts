/** What a node knows of the others: when each was heard last, and whether it fell silent. */

import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { RecentMaximum } from '../base/recent-maximum.ts';

interface Peer {
  heardAt: number;
  greetedAt: number;
  /** How long it let this node wait for its words lately. */
  readonly gaps: RecentMaximum;
  /** When the shards were last told of its silence; undefined while it is heard. */
  toldAt: number | undefined;
  /** Its disk is nearly full, as it said last. */
  isReadOnly: boolean;
}

interface Silence {
  readonly node: NodeId;
  /** It was not told since the peer was heard last. */
  readonly isNews: boolean;
}

export class Peers {
  readonly #peers = new Map<NodeId, Peer>();

  get nodes(): readonly NodeId[] {
    return [...this.#peers.keys()];
  }

  /** These and no others, without this node itself. Who is new gets time to speak. */
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
    // Who was away for longer was down, or cut off, which says nothing of its words.
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

  /** A beat left for it. */
  greeted(node: NodeId, now: number): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) peer.greetedAt = now;
  }

  /** Whom to greet. Other frames are no substitute: a beat tells which map its sender has. */
  due(now: number): readonly NodeId[] {
    return this.#which(({ greetedAt }) => now - greetedAt >= NODE_LIMITS.beatMilliseconds);
  }

  isHeard(node: NodeId, now: number): boolean {
    const peer = this.#peers.get(node);
    return peer !== undefined && now - peer.heardAt < silenceOf(peer);
  }

  /** There are others, and none of them is heard. */
  isLonely(now: number): boolean {
    const { nodes } = this;
    return nodes.length > 0 && !nodes.some((node) => this.isHeard(node, now));
  }

  heardAt(node: NodeId): number | undefined {
    return this.#peers.get(node)?.heardAt;
  }

  /** Once a tick. Windows of what was observed pass. */
  tick(): void {
    for (const { gaps } of this.#peers.values()) gaps.tick();
  }

  /**
   * Who is silent and has to be told so. Silence is told again and again, for a shard may fall
   * asleep on a late word of a leader whose silence was told before.
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
 * Three times what it let this node wait for again and again: a node on a starved processor is no
 * dead one, and one long silence alone is no reason to bear another.
 */
function silenceOf({ gaps }: Peer): number {
  const { silenceMilliseconds, silenceMillisecondsMax } = NODE_LIMITS;
  return Math.min(
    Math.max(GAPS_PER_SILENCE * gaps.sustained, silenceMilliseconds),
    silenceMillisecondsMax,
  );
}

const GAPS_PER_SILENCE = 3;
