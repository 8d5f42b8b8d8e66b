/** The state of the lanes to one peer. */

import type { NodeId } from '../base/ids.ts';
import type { Lineage } from '../base/life.ts';
import type { Lane, PeerHello } from '../wire/hello.ts';
import type { Keepalive } from './keepalive.ts';
import type { PacedLane } from './paced-lane.ts';
import type { Socket } from './sockets.ts';
import type { Peer } from './transport.ts';

export interface LaneAddress {
  readonly node: NodeId;
  readonly lane: Lane;
}

/** A dialled socket that has not been admitted yet. */
export interface DialAttempt {
  readonly socket: Socket;
  readonly since: number;
  /** This node's hello, once it is sent; and the answer. */
  said: Uint8Array | undefined;
  heard: { readonly hello: PeerHello; readonly bytes: Uint8Array } | undefined;
  /** The other side is authenticated: its messages are trusted, also a refusal. */
  isProven: boolean;
}

/** The socket of the lane, after the handshake. */
export interface OpenLane {
  readonly socket: Socket;
  readonly paced: PacedLane;
  readonly keepalive: Keepalive;
  readonly lineage: Lineage;
}

export interface LaneState {
  readonly lane: Lane;
  readonly node: NodeId;
  open: OpenLane | undefined;
  attempt: DialAttempt | undefined;
  /** The earliest time of the next attempt. */
  dialAt: number;
  /** The backoff after the next failure. */
  backoff: number;
  /** The highest generation in a hello of an incarnation of the peer, and its word. */
  generationSeen: number;
  wordSeen: number;
}

export interface Known {
  peer: Peer;
  readonly lanes: Readonly<Record<Lane, LaneState>>;
}
