/**
 * Messages from peers: those of shards go to their replicas, those between nodes are handled here.
 */

import { unreachable } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { Message } from '../raft/message.ts';
import type { Flow } from '../shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../shard/fairness-limits.ts';
import { lengthensLog } from '../shard/full-disk.ts';
import { decodeFrame } from '../wire/frame.ts';
import { decodeNodeMessages, isOfNodes, type NodeMessage } from '../wire/node-message.ts';
import type { Response } from '../wire/response.ts';
import type { AccessControl } from './access-control.ts';
import type { ConsistencyCheck } from './consistency-check.ts';
import { ForwardedShares } from './forwarded-shares.ts';
import { ForwardedOrigin, forwardedRequest, type Send } from './forwards.ts';
import type { NodeState } from './node-state.ts';
import type { OwnLife } from './own-life.ts';
import type { Relay } from './relay.ts';
import type { Requests } from './requests.ts';
import type { StorageQuotas } from './storage-quotas.ts';

interface PeerFramesOptions {
  readonly node: NodeState;
  readonly relay: Relay;
  readonly requests: Requests;
  readonly access: AccessControl;
  readonly consistency: ConsistencyCheck;
  readonly ownLife: OwnLife;
  readonly quotas: Pick<StorageQuotas, 'told'>;
}

/** A request that another node forwarded. */
interface Forwarded {
  readonly id: number;
  readonly from: NodeId;
  readonly share: Flow;
  readonly bytes: Uint8Array;
  /** Whose request it is, if the other node knows. */
  readonly bearer: Bearer | undefined;
}

type Bearer = Extract<NodeMessage, { type: 'forward-as' | 'forward-for' }>;

export class PeerFrames {
  readonly #options: PeerFramesOptions;
  readonly shares: ForwardedShares;
  /** The map version that each peer last reported. The map bounds the number of peers. */
  readonly #versions = new Map<NodeId, number>();

  constructor(options: PeerFramesOptions) {
    this.#options = options;
    const { node: state } = options;
    const roomTo = (node: NodeId) => state.roomToPeer({ node, lane: 'main' }).soon;
    this.shares = new ForwardedShares({ roomTo });
  }

  /** False if it is not of this protocol: the connection cannot be trusted any more. */
  take(from: NodeId, bytes: Uint8Array): boolean {
    const { node } = this.#options;
    node.peers.hear(from, node.now);
    const isTaken = isOfNodes(bytes) ? this.#hearAll(from, bytes) : this.#takeMessages(from, bytes);
    if (!isTaken) node.mention({ type: 'frame-refused', from: `node ${from}` });
    return isTaken;
  }

  #hearAll(from: NodeId, bytes: Uint8Array): boolean {
    const messages = decodeNodeMessages(bytes);
    for (const message of messages ?? []) this.#hear(from, message);
    return messages !== undefined;
  }

  #takeMessages(from: NodeId, bytes: Uint8Array): boolean {
    const messages = decodeFrame(bytes);
    const { node } = this.#options;
    for (const message of messages ?? []) {
      const replica = node.replicas.get(message.shard);
      // A dead member does not answer: `removed` would expel a sound member.
      if (replica?.member !== message.to) continue;
      if (this.#isForged(from, message)) {
        node.mention({ type: 'message-refused', from, shard: message.shard });
        continue;
      }
      node.places.heard(message.shard, message.from, from);
      // Treated as lost: the room left in the log is for messages that free space.
      if (node.log.fullness === 'full' && lengthensLog(message)) continue;
      replica.receive(message);
    }
    return messages !== undefined;
  }

  /** The map lists its sender on another node: members do not move. */
  #isForged(from: NodeId, { shard, from: member }: Message): boolean {
    const home = this.#options.node.maps.nodeOf(shard, member);
    return home !== undefined && home !== from;
  }

  /** A map that is slightly newer needs one witness; otherwise most peers have to report it. */
  #isPlausible(version: number): boolean {
    const { node } = this.#options;
    const { mapStepMax } = CATALOG_LIMITS;
    if (version - (node.map?.version ?? 0) <= mapStepMax) return true;
    const heard = node.peers.nodes.filter((peer) => node.isHeard(peer));
    const saying = heard.filter((peer) => version - (this.#versions.get(peer) ?? 0) <= mapStepMax);
    return saying.length * 2 > heard.length;
  }

  #hear(from: NodeId, message: NodeMessage): void {
    const { node, relay, consistency, ownLife } = this.#options;
    switch (message.type) {
      case 'beat': {
        node.peers.noteReadOnly(from, message.isReadOnly);
        this.#versions.set(from, message.mapVersion);
        const map = node.maps.since(message.mapVersion);
        if (map !== undefined) node.tell(from, { type: 'map', map });
        return;
      }
      case 'map': {
        let version = 0;
        const isPlausible = (told: number) => {
          version = told;
          return this.#isPlausible(told);
        };
        const isBelieved = node.maps.take(message.map, isPlausible);
        if (!isBelieved) node.mention({ type: 'map-refused', from, version });
        return;
      }
      case 'forward':
      case 'forward-as':
      case 'forward-for': {
        const { id, client, request: bytes } = message;
        const bearer = message.type === 'forward' ? undefined : message;
        const groupOf = () => bearer && this.#options.access.groupOf(bearer);
        const share = this.shares.of(from, client, groupOf);
        const run = () => this.#serve({ id, from, share, bytes, bearer });
        return node.fair.add(share, { run, isOver: true }, 'asked');
      }
      case 'forwarded':
        return relay.forwards.answer(from, message.id, message.response);
      case 'ask':
        return this.#answerHowFar(from, message);
      case 'told':
        return node.replicas.get(message.shard)?.told(message.id, message.index);
      case 'fingerprint-ask':
        return consistency.asked(from, message.shard, message.index);
      case 'fingerprint':
        return consistency.reported(message);
      case 'diverged':
        return consistency.divergedFrom(message);
      case 'claim':
        return ownLife.claimed(from, message.word);
      case 'known':
        return ownLife.known(from, message.word);
      case 'stored':
        return this.#options.quotas.told(from, message.counts);
      default:
        return unreachable(message);
    }
  }

  /** Serves it when its turn has come. Returns the cost. */
  #serve({ id, from, share, bytes, bearer }: Forwarded): number {
    const { node, requests, access } = this.#options;
    const cost = FAIRNESS_LIMITS.requestCost + bytes.length;
    const request = forwardedRequest(bytes);
    if (request === undefined) return cost;
    const onBytes = (answered: number) => this.shares.answered(from, answered);
    const send: Send = (to, message, how) => node.outbox.tell(to, message, how);
    // As of now: rights may have changed while it waited for its turn.
    const principal = bearer && access.bearerOf(bearer);
    const origin = { id, from, request, share, send, onBytes, principal };
    const responder = new ForwardedOrigin(origin);
    const accessVersion = bearer?.accessVersion;
    requests.route(request, { responder, isForwarded: true, accessVersion, forwarder: from });
    return cost;
  }

  /** With a ReadIndex round of its own: the answer must be true after the question arrived. */
  #answerHowFar(from: NodeId, ask: Extract<NodeMessage, { type: 'ask' }>): void {
    const { node } = this.#options;
    const { id, shard, isWatching } = ask;
    const replica = node.replicas.get(shard);
    if (isWatching) replica?.announceCommits();
    const say = (index: number) => node.tell(from, { type: 'told', id, shard, index });
    if (replica === undefined || !replica.isLeader) {
      say(0);
      return;
    }
    const respond = ({ type }: Response) => say(type === 'rows' ? replica.applied : 0);
    const until = node.now + NODE_LIMITS.patienceMilliseconds;
    replica.read({
      requester: { responder: { respond }, id },
      until,
      what: { type: 'keys', keys: [] },
    });
  }
}
