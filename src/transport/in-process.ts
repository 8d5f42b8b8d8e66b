/** The transport of a node that is embedded: no peers, and clients of the same process. */

import { assert } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { closeReasonOf } from '../wire/close-reason.ts';
import { type NodeHello, VERSION_MAX, VERSION_MIN } from '../wire/hello.ts';
import type { PeerIdentity } from './handshake.ts';
import { LANE_DOWN } from './paced-lane.ts';
import type { Schedule } from './sockets.ts';
import type { ClientClose, LaneRoom, Transport, TransportEvent } from './transport.ts';

/** The client end. As on a socket: up, frames, down; never emitted from inside a call. */
interface InProcessListener {
  readonly onUp: (hello: NodeHello) => void;
  readonly onFrame: (bytes: Uint8Array) => void;
  readonly onDown: (reason: string) => void;
}

interface InProcessConnection {
  /** False if the connection is closed. The caller gives the bytes away. */
  send(bytes: Uint8Array): boolean;
  close(): void;
}

interface InnerLinesOptions {
  readonly identity: PeerIdentity;
  readonly schedule: Pick<Schedule, 'soon'>;
  readonly onEvent: (event: TransportEvent) => void;
}

/**
 * Frames are passed without copying, one turn later, so that a sender is never re-entered. The
 * queue holds the frames of one turn, which both sides bound.
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

  /** An embedded node has no peers; the caller checks its map before it embeds one. */
  setPeers(): void {}

  sendToPeer(): boolean {
    return false;
  }

  flushPeers(): void {}

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

  closeClient(connection: number, reason: string, kind?: ClientClose): void {
    const end = this.#ends.get(connection);
    const text = kind === 'limited' ? closeReasonOf(kind, reason).text : reason;
    if (end !== undefined) this.#drop(connection, end, text);
  }

  /** The client in the same process bounds what it sends. */
  listenToClient(): void {}

  /** Every frame has been read by the next turn. */
  bufferedToClient(): number {
    return 0;
  }

  close(): void {
    this.#isClosed = true;
    for (const [connection, end] of this.#ends) this.#drop(connection, end, CLOSED);
  }

  /** The node closes the connection. The client first receives the frames sent before. */
  #drop(connection: number, end: End, reason: string): void {
    this.#ends.delete(connection);
    end.isHeard = false;
    this.#options.schedule.soon(() => {
      if (!end.isUp) return;
      end.isUp = false;
      end.listener.onDown(reason);
    });
  }

  /** The client closes the connection: it receives nothing more, and the node is notified. */
  #hangUp(connection: number, end: End): void {
    if (!end.isUp) return;
    end.isUp = false;
    this.#ends.delete(connection);
    this.#options.schedule.soon(() => {
      if (!end.isHeard || this.#isClosed) return;
      this.#options.onEvent({
        type: 'client-down',
        connection,
        reason: 'the client closed the connection',
      });
    });
  }
}

/** One connection with both of its ends. */
interface End {
  readonly listener: InProcessListener;
  /** The node end is open. */
  isHeard: boolean;
  /** The client end is open. */
  isUp: boolean;
}

const VERSIONS = { versionMin: VERSION_MIN, versionMax: VERSION_MAX } as const;
const CLOSED = 'the node was closed';

function assertFrame(bytes: Uint8Array): void {
  assert(
    bytes.length > 0 && bytes.length <= WIRE_LIMITS.frameBytesMax,
    'a frame is within its limits',
  );
}
