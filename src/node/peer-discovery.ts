/**
 * Finds peers that have moved to other addresses than the map says. While no peer responds, a node
 * queries its start addresses: the answer has the node's number and the newest map. So a cluster
 * whose nodes have all moved reconnects.
 */

import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import type { Schedule, Sockets } from '../transport/sockets.ts';
import type { Peer, Transport } from '../transport/transport.ts';
import { encodeRequests } from '../wire/request.ts';
import { decodeResponses } from '../wire/response.ts';

/** A transport that overrides addresses of the map with discovered ones. */
export class Addresses {
  readonly #found = new Map<NodeId, string>();
  #peers: readonly Peer[] = [];
  /** All numbers below it were assigned: see `Transport.setPeers`. */
  #nextNode: NodeId | undefined;
  #transport: Transport | undefined;

  /** The wrapped transport with the discovered addresses. */
  around(transport: Transport): Transport {
    this.#transport = transport;
    return {
      setPeers: (peers, nextNode) => {
        for (const { node, url } of this.#peers) {
          // The map has a new address: it is newer than the discovered one.
          const isMoved = peers.some((peer) => peer.node === node && peer.url !== url);
          if (isMoved) this.#found.delete(node);
        }
        this.#peers = peers;
        this.#nextNode = nextNode;
        transport.setPeers(this.#located(), nextNode);
      },
      sendToPeer: (to, bytes) => transport.sendToPeer(to, bytes),
      flushPeers: () => transport.flushPeers(),
      sendToClient: (connection, bytes) => transport.sendToClient(connection, bytes),
      closeClient: (connection, reason, kind) => transport.closeClient(connection, reason, kind),
      listenToClient: (connection, isWanted) => transport.listenToClient(connection, isWanted),
      dropPeer: (to, reason) => transport.dropPeer(to, reason),
      roomToPeer: (to) => transport.roomToPeer(to),
      bufferedToPeer: (to) => transport.bufferedToPeer(to),
      bufferedToClient: (connection) => transport.bufferedToClient(connection),
      close: (text) => transport.close(text),
    };
  }

  /** A node answered at this URL. */
  learn(node: NodeId, url: string): void {
    if (this.#found.get(node) === url) return;
    this.#found.set(node, url);
    this.#transport?.setPeers(this.#located(), this.#nextNode);
  }

  #located(): readonly Peer[] {
    return this.#peers.map((peer) => ({ ...peer, url: this.#found.get(peer.node) ?? peer.url }));
  }
}

const MAP_ID = 1;

interface MapQuestion {
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  /** The cluster that the map must belong to. */
  readonly cluster: string;
  readonly url: string;
  readonly onNode: (node: NodeId) => void;
  readonly onMap: (bytes: Uint8Array) => void;
  /** The end of the query; whether a node of another cluster answered. */
  readonly onDown: (isForeign: boolean) => void;
}

/** Queries a node for its newest map. */
export function askForMap(question: MapQuestion): ClientConnection {
  const { sockets, schedule, cluster, url, onNode, onMap, onDown } = question;
  const line = new ClientConnection({
    sockets,
    schedule,
    url,
    cluster,
    features: [],
    onEvent: (event) => {
      switch (event.type) {
        case 'up':
          onNode(event.hello.node);
          line.send(encodeRequests([{ type: 'map', id: MAP_ID, knownVersion: 0 }]));
          return;
        case 'frame':
          for (const response of decodeResponses(event.bytes) ?? []) {
            if (response.type === 'map') onMap(response.map);
          }
          return;
        case 'down':
          return onDown(event.isForeign);
      }
    },
  });
  return line;
}

interface SeekerOptions {
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  readonly cluster: string;
  readonly urls: readonly string[];
  /** The node has peers, and none responds. */
  readonly isLonely: () => boolean;
  readonly onNode: (node: NodeId, url: string) => void;
  readonly onMap: (bytes: Uint8Array) => void;
}

/** Queries all URLs in turn while no peer responds. */
export class PeerDiscovery {
  readonly #options: SeekerOptions;
  readonly #lines = new Set<ClientConnection>();
  #stopLooking: (() => void) | undefined;

  constructor(options: SeekerOptions) {
    this.#options = options;
  }

  start(): void {
    const { urls, schedule } = this.#options;
    if (urls.length === 0) return;
    this.#stopLooking = schedule.every(NODE_LIMITS.seekMilliseconds, () => this.#look());
  }

  /** Twice is once. */
  stop(): void {
    this.#stopLooking?.();
    this.#hangUp();
  }

  #look(): void {
    this.#hangUp();
    if (!this.#options.isLonely()) return;
    for (const url of this.#options.urls) this.#ask(url);
  }

  #hangUp(): void {
    for (const line of this.#lines) line.close();
    this.#lines.clear();
  }

  #ask(url: string): void {
    const { sockets, schedule, cluster, onNode, onMap } = this.#options;
    const line = askForMap({
      sockets,
      schedule,
      cluster,
      url,
      onNode: (node) => onNode(node, url),
      onMap,
      onDown: () => this.#lines.delete(line),
    });
    this.#lines.add(line);
  }
}
