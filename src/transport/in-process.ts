/** The transport of a node that is embedded: no peers, and clients of the same process. */

import { assert } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { type NodeHello, VERSION_MAX, VERSION_MIN } from '../wire/hello.ts';
import type { PeerIdentity } from './handshake.ts';
import { LANE_DOWN } from './paced-lane.ts';
import type { Schedule } from './sockets.ts';
import type { LaneRoom, Transport, TransportEvent } from './transport.ts';

/** A client at the other end. As on a socket: up, frames, down; never from inside a call. */
interface InProcessListener {
  readonly onUp: (hello: NodeHello) => void;
  readonly onFrame: (bytes: Uint8Array) => void;
  readonly onDown: (reason: string) => void;
}

interface InProcessConnection {
  /** False if the line is gone. The bytes are given away. */
  send(bytes: Uint8Array): boolean;
  close(): void;
}

interface InnerLinesOptions {
  readonly identity: PeerIdentity;
  readonly schedule: Pick<Schedule, 'soon'>;
  readonly onEvent: (event: TransportEvent) => void;
}

/**
 * Frames are handed over as they are, one turn later, so that a side that sends is never entered
 * again while it is at work. Nothing waits longer than that turn: what is sent is bounded by what
 * a side says in one, and both sides have bounds for it.
 */
export class InProcessTransport implements Transport {
  readonly #options: InnerLinesOptions;
  readonly #hello: NodeHello;
  readonly #ends = new Map<number, End>();
  #lastConnection = 0;
  #isClosed = false;

  constructor(options: InnerLinesOptions) {
    this.#options = options;
    const { lineage, ...identity } = options.identity;
    const { incarnation } = lineage;
    this.#hello = { type: 'node', ...VERSIONS, ...identity, incarnation };
  }

  dial(listener: InProcessListener): InProcessConnection {
    const { identity, onEvent, schedule } = this.#options;
    this.#lastConnection += 1;
    const connection = this.#lastConnection;
    const end: End = { listener, isHeard: !this.#isClosed, isUp: true };
    if (this.#isClosed) this.#drop(connection, end, CLOSED);
    else this.#ends.set(connection, end);
    schedule.soon(() => {
      if (!end.isHeard || !end.isUp) return;
      const { cluster } = identity;
      const hello = { type: 'client', ...VERSIONS, features: [], cluster } as const;
      onEvent({ type: 'client-up', connection, hello });
      listener.onUp(this.#hello);
    });
    return {
      send: (bytes) => {
        assertFrame(bytes);
        if (!end.isHeard || !end.isUp) return false;
        schedule.soon(() => {
          if (end.isHeard && end.isUp) onEvent({ type: 'client-frame', connection, bytes });
        });
        return true;
      },
      close: () => this.#hangUp(connection, end),
    };
  }

  /** A node that has peers is not to be embedded; who embeds one looks at its map. */
  setPeers(): void {}

  sendToPeer(): boolean {
    return false;
  }

  dropPeer(): void {}

  bufferedToPeer(): number {
    return 0;
  }

  roomToPeer(): LaneRoom {
    return LANE_DOWN;
  }

  sendToClient(connection: number, bytes: Uint8Array): boolean {
    assertFrame(bytes);
    const end = this.#ends.get(connection);
    if (end === undefined) return false;
    this.#options.schedule.soon(() => {
      if (end.isUp) end.listener.onFrame(bytes);
    });
    return true;
  }

  closeClient(connection: number, reason: string): void {
    const end = this.#ends.get(connection);
    if (end !== undefined) this.#drop(connection, end, reason);
  }

  /** What a client of the same process sends is bounded by the client. */
  listenToClient(): void {}

  /** Whatever was sent has been read by the next turn. */
  bufferedToClient(): number {
    return 0;
  }

  close(): void {
    this.#isClosed = true;
    for (const [connection, end] of this.#ends) this.#drop(connection, end, CLOSED);
  }

  /** The node is done with it. The client first hears what it was sent before. */
  #drop(connection: number, end: End, reason: string): void {
    this.#ends.delete(connection);
    end.isHeard = false;
    this.#options.schedule.soon(() => {
      if (!end.isUp) return;
      end.isUp = false;
      end.listener.onDown(reason);
    });
  }

  /** The client is done: it hears nothing more, and the node hears of it. */
  #hangUp(connection: number, end: End): void {
    if (!end.isUp) return;
    end.isUp = false;
    this.#ends.delete(connection);
    this.#options.schedule.soon(() => {
      if (!end.isHeard || this.#isClosed) return;
      this.#options.onEvent({ type: 'client-down', connection, reason: 'the client is done' });
    });
  }
}

/** One connection, seen from both sides. */
interface End {
  readonly listener: InProcessListener;
  /** The node wants to hear of it. */
  isHeard: boolean;
  /** The client wants to. */
  isUp: boolean;
}

const VERSIONS = { versionMin: VERSION_MIN, versionMax: VERSION_MAX } as const;
const CLOSED = 'the node was closed';

function assertFrame(bytes: Uint8Array): void {
  assert(bytes.length > 0 && bytes.length <= WIRE_LIMITS.frameBytesMax, 'a frame has its limits');
}
