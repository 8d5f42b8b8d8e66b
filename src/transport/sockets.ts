/** The port to sockets: what the switchboard needs of a network and of time, and no more. */

import type { CloseFrame } from '../wire/close-reason.ts';

/** Peers and clients come in by different doors, which are judged differently. */
export type Door = '/peer' | '/client';

/**
 * One socket, from the moment it is dialled or accepted. It carries whole frames in order.
 *
 * Calls may be made at any time, also when it is not open yet or gone already: they do nothing
 * then. None of them calls the listener.
 */
export interface Socket {
  /** For logs: the url that was dialled, or the address that dialled us. */
  readonly address: string;
  /** Everything that came in, down to the last byte of half a frame: a sign of life. */
  readonly bytesReceived: number;
  /** Of what came in: what belongs to a frame whose end has not come. */
  readonly bytesUnfinished: number;
  /** What was sent and is not with the network yet. */
  readonly bytesBuffered: number;
  /** The bytes are given away. Those of one turn leave together. */
  send(bytes: Uint8Array): void;
  /** Nothing more is read of it, but for what has come in already, until it is resumed. */
  pause(): void;
  resume(): void;
  /** Makes the other side's `bytesReceived` grow, and ours when it answers. */
  ping(): void;
  /** The other side is told why. The listener hears nothing more, from this moment on. */
  close(closeReason: CloseFrame): void;
}

/** Called one at a time, never from inside a call on the socket. */
export interface SocketListener {
  /** Of a dialled socket: it can send now. */
  readonly onOpen: () => void;
  /** A frame of at least one byte, given away to the listener. */
  readonly onFrame: (bytes: Uint8Array) => void;
  /** The last call, whoever closed it, also if it never opened. */
  readonly onClosed: (closeReason: CloseFrame) => void;
}

/** What comes of a frame before a socket is somebody's: it is taken, or the next frame decides. */
export type Reception =
  | { readonly listener: SocketListener }
  | { readonly next: (bytes: Uint8Array) => Reception | undefined };

/**
 * All sockets of one node. What comes in is bounded here: frames by `WIRE_LIMITS.frameBytesMax`,
 * sockets by their number. Whoever breaks a bound is closed, and the listener hears `onClosed`.
 */
export interface Sockets {
  /** Fails by `onClosed`, in a later turn. */
  dial(to: { readonly url: string; readonly door: Door }, listener: SocketListener): Socket;
  /** Called once. From now on others come in; `take` answers with the listener of each. */
  accept(take: (socket: Socket, door: Door) => SocketListener): void;
  /** Nobody comes in any more. */
  refuse(): void;
}

/** Time, as far as a transport knows of it. */
export interface Schedule {
  /** Milliseconds that only grow: for measuring. Deadlines are counted in sweeps. */
  readonly now: number;
  /** Runs again and again until the answer is called. Late is fine, early is not. */
  every(milliseconds: number, run: () => void): () => void;
  /** Once, in a later turn. */
  soon(run: () => void): void;
}
