/**
 * Messages from peers: those of shards go to their replicas, those between nodes are handled here.
 */

import { unreachable } from '../base/assert.ts';
import { FAIRNESS_LIMITS } from '../base/fairness-limits.ts';
import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Message } from '../raft/message.ts';
import type { Router } from '../router/router.ts';
import type { Flow } from '../shard/fair-queue.ts';
import { lengthensLog } from '../shard/full-disk.ts';
import { decodeFrame } from '../wire/frame.ts';
import { decodeNodeMessages, isOfNodes, type NodeMessage } from '../wire/node-message.ts';
import type { Response } from '../wire/response.ts';
import { ForwardedShares } from './forwarded-shares.ts';
import { ForwardedOrigin, type Forwards, forwardedRequest, type Send } from './forwards.ts';
import type { MapCache } from './map-cache.ts';
import { MemberPlaces } from './member-places.ts';
import type { NodeParts } from './node-parts.ts';

interface PeerFramesOptions {
  readonly parts: NodeParts;
  readonly maps: MapCache;
  readonly router: Router;
  readonly forwards: Forwards;
  readonly tell: Send;
}

/** A request that another node forwarded. */
interface Forwarded {
  readonly id: number;
  readonly from: NodeId;
  readonly share: Flow;
  readonly bytes: Uint8Array;
}

export class PeerFrames {
  readonly #options: PeerFramesOptions;
  readonly #places = new MemberPlaces();
  readonly shares: ForwardedShares;
  /** The map version that each peer last reported. The map bounds the number of peers. */
  readonly #versions = new Map<NodeId, number>();

  constructor(options: PeerFramesOptions) {
    this.#options = options;
    const { parts } = options;
    const roomTo = (node: NodeId) => parts.roomToPeer({ node, lane: 'main' }).soon;
    this.shares = new ForwardedShares({ roomTo });
  }

  /** Undefined for a member that was not heard in this life. */
  whereIs(shard: ShardId, member: MemberId): NodeId | undefined {
    return this.#places.nodeOf(shard, member);
  }

  /** False if it is not of this protocol: the connection cannot be trusted any more. */
  take(from: NodeId, bytes: Uint8Array): boolean {
    const { parts } = this.#options;
    parts.peers.hear(from, parts.now);
    const isTaken = isOfNodes(bytes) ? this.#hearAll(from, bytes) : this.#takeMessages(from, bytes);
    if (!isTaken) parts.mention({ type: 'frame-refused', from: `node ${from}` });
    return isTaken;
  }

  #hearAll(from: NodeId, bytes: Uint8Array): boolean {
    const messages = decodeNodeMessages(bytes);
    for (const message of messages ?? []) this.#hear(from, message);
    return messages !== undefined;
  }

  #takeMessages(from: NodeId, bytes: Uint8Array): boolean {
    const messages = decodeFrame(bytes);
    const { parts } = this.#options;
    for (const message of messages ?? []) {
      const replica = parts.replicas.get(message.shard);
      // A dead member does not answer: `removed` would expel a sound member.
      if (replica?.member !== message.to) continue;
      if (this.#isForged(from, message)) {
        parts.mention({ type: 'message-refused', from, shard: message.shard });
        continue;
      }
      this.#places.heard(message.shard, message.from, from);
      // Treated as lost: the room left in the log is for messages that free space.
      if (parts.log.fullness === 'full' && lengthensLog(message)) continue;
      replica.receive(message);
    }
    return messages !== undefined;
  }

  /** The map lists its sender on another node: members do not move. */
  #isForged(from: NodeId, { shard, from: member }: Message): boolean {
    const node = this.#options.maps.nodeOf(shard, member);
    return node !== undefined && node !== from;
  }

  /** A map that is slightly newer needs one witness; otherwise most peers have to report it. */
  #isPlausible(version: number): boolean {
    const { parts } = this.#options;
    const { mapStepMax } = CATALOG_LIMITS;
    if (version - (parts.map?.version ?? 0) <= mapStepMax) return true;
    const heard = parts.peers.nodes.filter((node) => parts.peers.isHeard(node, parts.now));
    const saying = heard.filter((node) => version - (this.#versions.get(node) ?? 0) <= mapStepMax);
    return saying.length * 2 > heard.length;
  }

  #hear(from: NodeId, message: NodeMessage): void {
    const { maps, forwards, parts, tell } = this.#options;
    switch (message.type) {
      case 'beat': {
        parts.peers.noteReadOnly(from, message.isReadOnly);
        this.#versions.set(from, message.mapVersion);
        const map = maps.since(message.mapVersion);
        if (map !== undefined) tell(from, { type: 'map', map });
        return;
      }
      case 'map': {
        let version = 0;
        const isPlausible = (told: number) => {
          version = told;
          return this.#isPlausible(told);
        };
        const isBelieved = maps.take(message.map, isPlausible);
        if (!isBelieved) parts.mention({ type: 'map-refused', from, version });
        return;
      }
      case 'forward': {
        const { id, client, request: bytes } = message;
        const share = this.shares.of(from, client);
        const run = () => this.#serve({ id, from, share, bytes });
        return parts.fair.add(share, { run, isOver: true }, 'asked');
      }
      case 'forwarded':
        return forwards.answer(from, message.id, message.response);
      case 'ask':
        return this.#answerHowFar(from, message.id, message.shard);
      case 'told':
        return parts.replicas.get(message.shard)?.told(message.id, message.index);
      case 'fingerprint-ask':
        return parts.consistency.asked(from, message.shard, message.index);
      case 'fingerprint':
        return parts.consistency.reported(message);
      case 'diverged':
        return parts.consistency.divergedFrom(message);
      case 'claim':
        return parts.standing.claimed(from, message.word);
      case 'known':
        return parts.standing.known(from, message.word);
      default:
        return unreachable(message);
    }
  }

  /** Serves it when its turn has come. Returns the cost. */
  #serve({ id, from, share, bytes }: Forwarded): number {
    const { router, tell } = this.#options;
    const cost = FAIRNESS_LIMITS.requestCost + bytes.length;
    const request = forwardedRequest(bytes);
    if (request === undefined) return cost;
    const onBytes = (answered: number) => this.shares.answered(from, answered);
    const responder = new ForwardedOrigin({ id, from, request, share, send: tell, onBytes });
    router.route(request, { responder, isForwarded: true });
    return cost;
  }

  /** With a ReadIndex round of its own: the answer must be true after the question arrived. */
  #answerHowFar(from: NodeId, id: number, shard: ShardId): void {
    const { parts, tell } = this.#options;
    const replica = parts.replicas.get(shard);
    const say = (index: number) => tell(from, { type: 'told', id, shard, index });
    if (replica === undefined || !replica.isLeader) {
      say(0);
      return;
    }
    const respond = ({ type }: Response) => say(type === 'rows' ? replica.applied : 0);
    const until = parts.now + NODE_LIMITS.patienceMilliseconds;
    replica.read({
      requester: { responder: { respond }, id },
      until,
      what: { type: 'keys', keys: [] },
    });
  }
}
