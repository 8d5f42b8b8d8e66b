/** The port to sockets: all that the switchboard needs of a network and of time. */

import type { NodeName } from '../certificates/node-name.ts';
import type { UserHolder } from '../certificates/reading.ts';
import type { CloseFrame } from '../wire/close-reason.ts';

/** Peers and clients use different endpoints with different checks. */
export type Door = '/peer' | '/client';

/**
 * One socket, from the time it is dialled or accepted. It carries whole frames in order.
 *
 * All calls are permitted at any time; before it is open and after it is closed they do nothing.
 * None of them calls the listener.
 */
export interface Socket {
  /** For logs: the dialled URL, or the address of the dialler. */
  readonly address: string;
  /** The node that the certificate of the other side names. Undefined without TLS. */
  readonly holder?: NodeName | undefined;
  /** What the certificate of the other side is called, if it was accepted. */
  readonly certificate?: string | undefined;
  /** The user that it names. Undefined without TLS, and never with a `holder`. */
  readonly user?: UserHolder | undefined;
  /** All received bytes, including those of an incomplete frame: a sign of life. */
  readonly bytesReceived: number;
  /** Received bytes that belong to an incomplete frame. */
  readonly bytesUnfinished: number;
  /** Sent bytes that the network has not accepted yet. */
  readonly bytesBuffered: number;
  /** The caller gives the bytes away. Frames of one turn are written together. */
  send(bytes: Uint8Array): void;
  /** What was sent in this turn is written now, and not together with what the turn still sends. */
  flush(): void;
  /** Stops reading, except for bytes that have already arrived, until `resume`. */
  pause(): void;
  resume(): void;
  /** Increases the other side's `bytesReceived`, and its answer increases this side's. */
  ping(): void;
  /** Sends the reason to the other side. The listener gets no further calls. */
  close(closeReason: CloseFrame): void;
}

/** Calls are sequential, and never made from inside a call on the socket. */
export interface SocketListener {
  /** A dialled socket can send now. */
  readonly onOpen: () => void;
  /** A frame of at least one byte; the listener owns the bytes. */
  readonly onFrame: (bytes: Uint8Array) => void;
  /** The last call, whichever side closed the socket, also if it never opened. */
  readonly onClosed: (closeReason: CloseFrame) => void;
}

/** The result of a handshake frame: the socket is accepted, or the next frame decides. */
export type Reception =
  | { readonly listener: SocketListener }
  | { readonly next: (bytes: Uint8Array) => Reception | undefined };

/**
 * All sockets of one node. Input is bounded here: frames by `WIRE_LIMITS.frameBytesMax`, sockets by
 * their number. A socket that exceeds a bound is closed, and its listener gets `onClosed`.
 */
export interface Sockets {
  /** A failure is reported by `onClosed` in a later turn. */
  dial(to: { readonly url: string; readonly door: Door }, listener: SocketListener): Socket;
  /** Called once. Starts accepting sockets; `take` returns the listener of each. */
  accept(take: (socket: Socket, door: Door) => SocketListener): void;
  /** Stops accepting sockets. */
  refuse(): void;
}

/** The time source of a transport. */
export interface Schedule {
  /** Monotonic milliseconds for measurements. Deadlines are counted in sweeps. */
  readonly now: number;
  /** Runs repeatedly until the result is called. May be late, never early. */
  every(milliseconds: number, run: () => void): () => void;
  /** Runs once, in a later turn. */
  soon(run: () => void): void;
}
