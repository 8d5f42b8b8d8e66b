/** The port between a node and its network: what a node's core sees of peers and clients. */

import type { NodeId } from '../base/ids.ts';
import type { Life } from '../base/life.ts';
import type { ClientHello, Lane, PeerHello } from '../wire/hello.ts';

/** A node of the cluster that is to be talked to. */
export interface Peer {
  readonly node: NodeId;
  /** Where it listens for peers: `ws://host:port`. */
  readonly url: string;
  /** Those that are known of it, the newest last: what follows one of them not is an older copy. */
  readonly lives: readonly Life[];
}

/**
 * What the transport reports.
 *
 * - Of one lane of one peer: up, frames, down, up, … strictly in turn. The frames between an up
 *   and its down come from one socket, in the order in which they were sent, each at most once.
 *   What is missing is missing at the end, never in the middle. Frames of different streams may
 *   come in another order than they were sent in.
 * - An up means that the other side's hello was checked here, and that ours was said.
 * - After a down nothing more of that socket comes (N11). The two lanes know nothing of each other.
 * - `life-refused` and `removed` come when a peer, one that has proven to be one, has closed a
 *   socket for that reason, be it instead of an up or as the reason of a down.
 * - Of a client the same, and its connection number is never used again.
 * - `refused` is for the logger: a socket that did not come to an up, and why. Retrying goes on.
 *
 * Events come one after the other, and never from inside a call on the transport.
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
      /** Given away to the listener: nobody else writes to them or reads them again. */
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'peer-down';
      readonly node: NodeId;
      readonly lane: Lane;
      readonly reason: string;
    }
  /** What waited for the path to a peer has left: more may be made. */
  | { readonly type: 'peer-drained'; readonly node: NodeId; readonly lane: Lane }
  | {
      readonly type: 'life-refused';
      readonly node: NodeId;
      /** `older-copy`: for good, it knows a later life. `still-running`: it hears another one. */
      readonly reason: 'older-copy' | 'still-running';
      readonly text: string;
    }
  | { readonly type: 'client-up'; readonly connection: number; readonly hello: ClientHello }
  | { readonly type: 'client-frame'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: 'client-down'; readonly connection: number; readonly reason: string }
  /** A peer says that this node is no member of the cluster any more; that is final. */
  | { readonly type: 'removed'; readonly by: NodeId }
  | {
      readonly type: 'refused';
      /** The url that was dialled, or the address that somebody dialled from. */
      readonly address: string;
      /** Who said no: this node, or the other side. */
      readonly by: 'us' | 'them';
      /** What happened and what to do. */
      readonly text: string;
    };

/** What may be handed over to a lane, in bytes. */
export interface LaneRoom {
  /** What leaves at once. */
  readonly now: number;
  /** What leaves soon: more should not be made yet. */
  readonly soon: number;
}

export interface PeerAddress {
  readonly node: NodeId;
  readonly lane: Lane;
  readonly stream?: number;
}

/**
 * How frames leave. It knows nothing of what is in them; both sides bound them by
 * `WIRE_LIMITS.frameBytesMax`. Required: a frame has at least one byte and at most that many, and
 * the caller gives the bytes away.
 *
 * A transport belongs to one incarnation of one node.
 */
export interface Transport {
  /**
   * The whole list, without this node itself. Who is new is dialled at once; who has another url
   * now is dialled there if it is not connected; who is no longer listed is cut off, silently: no
   * event of it comes after this call. All numbers below `nextNode` were given: a node that has
   * one and is not listed was removed, and is told so.
   */
  setPeers(peers: readonly Peer[], nextNode?: NodeId): void;

  /**
   * False if the frame was dropped: the lane is down, or its buffer is above its bound. True
   * promises nothing about arrival. Raft repairs both.
   *
   * A frame without a stream leaves at once. Frames of a stream, a number of 32 bits, keep their
   * order, wait for what the path can carry, and take turns with other streams in pieces.
   */
  sendToPeer(to: PeerAddress, bytes: Uint8Array): boolean;

  /**
   * False if the connection is gone, or has just been given up because it does not read what it is
   * sent: replies may not be dropped one by one, so the whole connection goes (and its
   * `client-down` follows).
   */
  sendToClient(connection: number, bytes: Uint8Array): boolean;

  /** The client is told the reason, in at most 120 bytes. No event of it comes after this call. */
  closeClient(connection: number, reason: string): void;

  /**
   * Whether what a client sends is read; it is at first. What is not read waits with the client,
   * but for frames that had come in already. Its silence meanwhile is no reason to give it up.
   */
  listenToClient(connection: number, isWanted: boolean): void;

  /**
   * What a lane brought is not of this protocol: its socket is closed, and dialled again later.
   * Its `peer-down` follows, and nothing else of that socket.
   */
  dropPeer(to: { readonly node: NodeId; readonly lane: Lane }, reason: string): void;

  /** Bytes that wait for the network; 0 for whoever is not connected. Producers slow down by it. */
  bufferedToPeer(to: { readonly node: NodeId; readonly lane: Lane }): number;
  /** What the path to a peer can take; nothing of what is beyond `soon` should be made yet. */
  roomToPeer(to: { readonly node: NodeId; readonly lane: Lane }): LaneRoom;
  bufferedToClient(connection: number): number;

  /** Peers and clients are told why and cut off. No event comes after this call. Twice is once. */
  close(text?: string): void;
}
