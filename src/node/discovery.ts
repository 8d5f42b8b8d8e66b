/**
 * What a node asks the addresses that it was started with: for a newer map before it confirms
 * itself, and for peers that have moved when it hears none.
 */

import type { Schedule, Sockets } from '../transport/sockets.ts';
import { MapDiscovery } from './map-discovery.ts';
import type { NodeCore } from './node-core.ts';
import { type Addresses, PeerDiscovery } from './peer-discovery.ts';

interface DiscoveryOptions {
  readonly core: NodeCore;
  readonly cluster: string;
  /** The client endpoints of other nodes, as they were configured. */
  readonly urls: readonly string[];
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  /** Of the node's transport. */
  readonly addresses: Addresses;
  /** Runs work of the node, in which it may end. */
  readonly guard: (work: () => void) => void;
}

export class Discovery {
  readonly #maps: MapDiscovery;
  readonly #peers: PeerDiscovery;

  constructor({ core, urls, addresses, guard, ...ports }: DiscoveryOptions) {
    const { state, ownLife } = core;
    const onMap = (bytes: Uint8Array) => guard(() => state.maps.take(bytes));
    this.#peers = new PeerDiscovery({
      ...ports,
      urls,
      isLonely: () => state.peers.isLonely(state.now),
      onNode: (node, url) => guard(() => addresses.learn(node, url)),
      onMap,
    });
    this.#maps = new MapDiscovery({
      ...ports,
      urls,
      isWanted: () => ownLife.isEnquiring,
      onMap,
      onHeardOut: () => guard(() => ownLife.heardOut()),
    });
  }

  start(): void {
    this.#peers.start();
    this.#maps.start();
  }

  /** Required when the node ends. Twice is once. */
  stop(): void {
    this.#peers.stop();
    this.#maps.stop();
  }
}
