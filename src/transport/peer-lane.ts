/** What is kept of the lanes to one peer. */

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

/** A socket on its way: dialled by us, and we have not been admitted. */
export interface DialAttempt {
  readonly socket: Socket;
  readonly since: number;
  /** Ours, once it has been said; and the answer. */
  said: Uint8Array | undefined;
  heard: { readonly hello: PeerHello; readonly bytes: Uint8Array } | undefined;
  /** The other side is who it says: what it says is believed, also when it refuses. */
  isProven: boolean;
}

/** The socket that is the lane, since both sides have said hello on it. */
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
  /** No dialling before this time. */
  dialAt: number;
  /** The wait after the next failure. */
  backoff: number;
  /** The greatest generation in a hello of a life of the peer, and the word of that life. */
  generationSeen: number;
  wordSeen: number;
}

export interface Known {
  peer: Peer;
  readonly lanes: Readonly<Record<Lane, LaneState>>;
}
