/** The port between a node's core and its peers and clients. */

import type { NodeId } from '../base/ids.ts';
import type { Life } from '../base/life.ts';
import type { UserHolder } from '../certificates/reading.ts';
import type { ClientHello, Lane, PeerHello } from '../wire/hello.ts';

/** Another node of the cluster. */
export interface Peer {
  readonly node: NodeId;
  /** Its peer address: `ws://host:port`. */
  readonly url: string;
  /** Its name in the map, which its certificate has to have, with TLS. */
  readonly name?: string;
  /** Its known incarnations, the newest last. One that does not follow them is an older copy. */
  readonly lives: readonly Life[];
}

/**
 * The events of the transport.
 *
 * - Per lane of a peer: up, frames, down, up, … strictly in this order. The frames between an up
 *   and its down come from one socket, in the order in which they were sent, each at most once.
 *   Only frames at the end may be missing, never in the middle. Frames of different streams may
 *   be reordered.
 * - An up means that the handshake is complete in both directions.
 * - After a down no frame of that socket follows. The two lanes are independent.
 * - `life-refused` and `removed`: an authenticated peer has closed a socket for that reason,
 *   before an up or as the reason of a down.
 * - Events of clients follow the same rules, and a connection number is never reused.
 * - `refused` is for the logger: a socket that did not come up, and why. Retries continue.
 *
 * Events are sequential, and never emitted from inside a call on the transport.
 */
export type TransportEvent =
  | {
      readonly type: 'peer-up';
      readonly node: NodeId;
      readonly lane: Lane;
      readonly hello: PeerHello;
    }
  | {
      readonly type: 'peer-frame';
      readonly node: NodeId;
      readonly lane: Lane;
      /** The listener owns the bytes: the transport neither reads nor writes them again. */
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'peer-down';
      readonly node: NodeId;
      readonly lane: Lane;
      readonly reason: string;
    }
  /** The send queue to a peer is empty: the core may produce more. */
  | { readonly type: 'peer-drained'; readonly node: NodeId; readonly lane: Lane }
  | {
      readonly type: 'life-refused';
      readonly node: NodeId;
      /**
       * `older-copy`: final, the peer knows a later incarnation. `still-running`: it hears another.
       */
      readonly reason: 'older-copy' | 'still-running';
      readonly text: string;
    }
  | {
      readonly type: 'client-up';
      readonly connection: number;
      readonly hello: ClientHello;
      /** With TLS: the node of this cluster that its certificate names; empty if it names none. */
      readonly nodeName?: string | undefined;
      /** The remote address; absent for a client of the same process. */
      readonly address?: string | undefined;
      /** What the certificate that it has presented is called; undefined for none. */
      readonly certificate?: string | undefined;
      /** With TLS: the user that its certificate names, and until when. */
      readonly certified?: Omit<UserHolder, 'cluster'> | undefined;
    }
  | { readonly type: 'client-frame'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: 'client-down'; readonly connection: number; readonly reason: string }
  /** A peer reports that this node was removed from the cluster; that is final. */
  | { readonly type: 'removed'; readonly by: NodeId }
  | {
      readonly type: 'refused';
      /** The dialled URL, or the address of the dialler. */
      readonly address: string;
      /** The side that refused: this node or the other one. */
      readonly by: 'us' | 'them';
      /** The reason and the remedy. */
      readonly text: string;
    };

/** Why a node closes a client. */
export type ClientClose = 'dismissed' | 'limited';

/** The capacity of a lane in bytes. */
export interface LaneRoom {
  /** Bytes that are sent at once. */
  readonly now: number;
  /** Bytes that are sent soon: the core should not produce more. */
  readonly soon: number;
}

export interface PeerAddress {
  readonly node: NodeId;
  readonly lane: Lane;
  readonly stream?: number;
}

/**
 * Sends frames without knowing their content; both sides bound them by
 * `WIRE_LIMITS.frameBytesMax`. Required: a frame has at least one byte and at most that many, and
 * the caller gives the bytes away.
 *
 * A transport belongs to one incarnation of one node.
 */
export interface Transport {
  /**
   * Sets all peers, without this node. A new peer is dialled at once; a peer with a new URL is
   * dialled there if it is not connected; a peer that is not listed any more is disconnected
   * without an event. All numbers below `nextNode` were assigned: a node with such a number that is
   * not listed was removed, and its hello is refused as `removed`.
   */
  setPeers(peers: readonly Peer[], nextNode?: NodeId): void;

  /**
   * False if the frame was dropped: the lane is down, or its queue is full. True does not promise
   * delivery. Raft repairs both.
   *
   * A frame without a stream is sent at once. Frames of a stream (a 32-bit number) keep their
   * order, wait for the congestion window, and interleave with other streams in fragments.
   */
  sendToPeer(to: PeerAddress, bytes: Uint8Array): boolean;

  /**
   * Writes what was sent to peers in this turn. Otherwise it is written when the turn has ended,
   * together with what the turn still sends.
   */
  flushPeers(): void;

  /**
   * False if the connection is closed, or was closed now because the client does not read: single
   * replies may not be dropped, so the whole connection is closed (and its `client-down` follows).
   */
  sendToClient(connection: number, bytes: Uint8Array): boolean;

  /**
   * Closes a client with a reason of at most 120 bytes. No event of it follows this call.
   * `limited`: nothing that it has sent was served; by default some of it may have been.
   */
  closeClient(connection: number, reason: string, kind?: ClientClose): void;

  /**
   * Pauses or resumes reading from a client; initially it is read. Unread frames queue at the
   * client, except for those that have already arrived. A paused client is not timed out.
   */
  listenToClient(connection: number, isWanted: boolean): void;

  /**
   * Closes the socket of a lane after a protocol violation; it is dialled again later. Its
   * `peer-down` follows, and nothing else of that socket.
   */
  dropPeer(to: { readonly node: NodeId; readonly lane: Lane }, reason: string): void;

  /** Bytes queued for the network; 0 if not connected. Producers throttle by it. */
  bufferedToPeer(to: { readonly node: NodeId; readonly lane: Lane }): number;
  /** The capacity of the path to a peer; the core should not produce more than `soon`. */
  roomToPeer(to: { readonly node: NodeId; readonly lane: Lane }): LaneRoom;
  bufferedToClient(connection: number): number;

  /** Disconnects all peers and clients with a reason. No event follows. Safe to call twice. */
  close(text?: string): void;
}
