/** The transport of a node on any sockets: expects a hello on each and routes it by kind. */

import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import {
  assertTransportLimits,
  TRANSPORT_LIMITS,
  type TransportLimits,
} from '../base/transport-limits.ts';
import { type CloseFrame, closeReasonOf, closeReasonText } from '../wire/close-reason.ts';
import type { Lane } from '../wire/hello.ts';
import { ClientConnections } from './client-connections.ts';
import type { PeerIdentity } from './handshake.ts';
import { PeerConnections } from './peer-connections.ts';
import type { Door, Reception, Schedule, Socket, SocketListener, Sockets } from './sockets.ts';
import type {
  ClientClose,
  LaneRoom,
  Peer,
  PeerAddress,
  Transport,
  TransportEvent,
} from './transport.ts';

interface SwitchboardOptions {
  readonly identity: PeerIdentity;
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly onEvent: (event: TransportEvent) => void;
  /** Unpredictable bytes for nonces. */
  readonly secureBytes: (length: number) => Uint8Array;
  readonly limits?: TransportLimits;
}

/** An incoming socket that has not sent its hello or its proof. */
interface Visitor {
  readonly socket: Socket;
  readonly since: number;
  /** Handles its next frame. */
  next: (bytes: Uint8Array) => Reception | undefined;
  /** The listener of the socket once it is accepted. */
  listener: SocketListener | undefined;
}

/**
 * It is pure: time and sockets are injected, so the simulator runs the same code.
 *
 * Time is counted in sweeps and not read from a clock. So a process that was suspended (a long
 * garbage collection, SIGSTOP, a suspended machine) does not count that time as silence of its
 * peers: the bytes in its sockets are read before the next deadline is due.
 */
export class Switchboard implements Transport {
  readonly #peers: PeerConnections;
  readonly #clients: ClientConnections;
  readonly #visitors = new Set<Visitor>();
  readonly #sockets: Sockets;
  readonly #limits: TransportLimits;
  readonly #onEvent: (event: TransportEvent) => void;
  readonly #stopSweeping: () => void;
  #isClosed = false;
  #now = 0;

  constructor(options: SwitchboardOptions) {
    const { identity, sockets, schedule, random, limits = TRANSPORT_LIMITS } = options;
    assertTransportLimits(limits);
    this.#sockets = sockets;
    this.#limits = limits;
    this.#onEvent = options.onEvent;
    const tell = (event: TransportEvent) => this.#tell(event);
    const clock = () => schedule.now;
    const soon = (run: () => void) => schedule.soon(run);
    const { secureBytes } = options;
    const means = { sockets, random, secureBytes, limits, clock, soon, tell };
    this.#peers = new PeerConnections({ identity, ...means });
    this.#clients = new ClientConnections({ identity, limits, tell, soon });
    const { sweepMilliseconds } = limits;
    this.#stopSweeping = schedule.every(sweepMilliseconds, () => this.#sweep());
    sockets.accept((socket, door) => this.#meet(socket, door));
  }

  setPeers(peers: readonly Peer[], nextNode?: NodeId): void {
    if (!this.#isClosed) this.#peers.setPeers(peers, nextNode);
  }

  sendToPeer(to: PeerAddress, bytes: Uint8Array): boolean {
    assertFrame(bytes);
    return this.#peers.send(to, bytes);
  }

  flushPeers(): void {
    this.#peers.flush();
  }

  sendToClient(connection: number, bytes: Uint8Array): boolean {
    assertFrame(bytes);
    return this.#clients.send(connection, bytes);
  }

  closeClient(connection: number, reason: string, kind: ClientClose = 'dismissed'): void {
    this.#clients.dismiss(connection, reason, kind);
  }

  listenToClient(connection: number, isWanted: boolean): void {
    this.#clients.listenTo(connection, isWanted);
  }

  dropPeer(to: { readonly node: NodeId; readonly lane: Lane }, reason: string): void {
    this.#peers.dismiss(to, reason);
  }

  bufferedToPeer(to: { readonly node: NodeId; readonly lane: Lane }): number {
    return this.#peers.buffered(to);
  }

  roomToPeer(to: { readonly node: NodeId; readonly lane: Lane }): LaneRoom {
    return this.#peers.roomTo(to);
  }

  bufferedToClient(connection: number): number {
    return this.#clients.buffered(connection);
  }

  close(text = 'this node is shutting down'): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopSweeping();
    this.#sockets.refuse();
    const closeReason = closeReasonOf('closing', text);
    for (const { socket } of this.#visitors) socket.close(closeReason);
    this.#visitors.clear();
    this.#peers.close(closeReason);
    this.#clients.close(closeReason);
  }

  #tell(event: TransportEvent): void {
    if (!this.#isClosed) this.#onEvent(event);
  }

  #sweep(): void {
    this.#now += this.#limits.sweepMilliseconds;
    for (const visitor of this.#visitors) {
      if (this.#now - visitor.since < this.#limits.helloMilliseconds) continue;
      const { helloMilliseconds } = this.#limits;
      const text = `no hello within ${helloMilliseconds} ms`;
      this.#turnAway(visitor, closeReasonOf('no-hello', text));
    }
    this.#clients.sweep(this.#now);
    this.#peers.sweep(this.#now);
  }

  #meet(socket: Socket, door: Door): SocketListener {
    const links = door === '/peer' ? this.#peers : this.#clients;
    const next = (bytes: Uint8Array) => links.welcome(socket, bytes);
    const visitor: Visitor = { socket, since: this.#now, next, listener: undefined };
    const [oldest] = this.#visitors;
    if (oldest !== undefined && this.#visitors.size >= this.#limits.visitorsMax) {
      // The newest socket may be a peer.
      this.#turnAway(oldest, closeReasonOf('crowded', 'too many sockets have sent no hello'));
    }
    this.#visitors.add(visitor);
    return {
      onOpen: () => {},
      onFrame: (bytes) => {
        if (visitor.listener === undefined) this.#welcome(visitor, bytes);
        else visitor.listener.onFrame(bytes);
      },
      onClosed: (closeReason) => {
        if (visitor.listener === undefined) this.#miss(visitor, closeReason);
        else visitor.listener.onClosed(closeReason);
      },
    };
  }

  /** The deadline applies until the socket is accepted. A refused socket is ignored. */
  #welcome(visitor: Visitor, bytes: Uint8Array): void {
    if (!this.#visitors.has(visitor)) return;
    const reception = visitor.next(bytes);
    if (reception !== undefined && 'next' in reception) {
      visitor.next = reception.next;
      return;
    }
    this.#visitors.delete(visitor);
    visitor.listener = reception?.listener;
  }

  #turnAway(visitor: Visitor, closeReason: CloseFrame): void {
    visitor.socket.close(closeReason);
    this.#visitors.delete(visitor);
    this.#report(visitor, 'us', closeReason);
  }

  #miss(visitor: Visitor, closeReason: CloseFrame): void {
    if (this.#visitors.delete(visitor)) this.#report(visitor, 'them', closeReason);
  }

  #report({ socket }: Visitor, by: 'us' | 'them', closeReason: CloseFrame): void {
    const text = closeReasonText(closeReason);
    this.#tell({ type: 'refused', address: socket.address, by, text });
  }
}

function assertFrame({ length }: Uint8Array): void {
  assert(length > 0 && length <= WIRE_LIMITS.frameBytesMax, 'a frame is within its limits');
}
