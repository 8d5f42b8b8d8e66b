/** The client side of one connection to one node, for the client library. */

import { assert } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { TRANSPORT_LIMITS, type TransportLimits } from '../base/transport-limits.ts';
import {
  type CloseFrame,
  closeReasonOf,
  closeReasonText,
  isForeignCluster,
} from '../wire/close-reason.ts';
import { encodeHello, type NodeHello, VERSION_MAX, VERSION_MIN } from '../wire/hello.ts';
import { judgeNode } from './handshake.ts';
import { Keepalive } from './keepalive.ts';
import type { Schedule, Socket, Sockets } from './sockets.ts';

/**
 * Events of a connection: up, frames, down; or only down if it never came up. Exactly one down at
 * the end, unless the client closed the connection itself. Never emitted from inside a call.
 */
export type ClientConnectionEvent =
  | { readonly type: 'up'; readonly hello: NodeHello }
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
  | {
      readonly type: 'down';
      readonly reason: string;
      /** The node belongs to another cluster than the expected one. */
      readonly isForeign: boolean;
    };

interface ClientConnectionOptions {
  readonly sockets: Sockets;
  readonly schedule: Schedule;
  /** `ws://host:port`. */
  readonly url: string;
  /** The expected cluster; empty accepts any. */
  readonly cluster: string;
  /** Says who the client is; undefined for none. */
  readonly token?: Uint8Array | undefined;
  readonly features: readonly number[];
  readonly onEvent: (event: ClientConnectionEvent) => void;
  readonly limits?: TransportLimits;
}

/** One attempt and, if it succeeds, one connection. Routing decides on retries. */
export class ClientConnection {
  readonly #options: ClientConnectionOptions;
  readonly #limits: TransportLimits;
  readonly #socket: Socket;
  readonly #stopSweeping: () => void;
  #keepalive: Keepalive | undefined;
  #isOver = false;
  #now = 0;

  constructor(options: ClientConnectionOptions) {
    this.#options = options;
    this.#limits = options.limits ?? TRANSPORT_LIMITS;
    const { sockets, schedule, url } = options;
    this.#socket = sockets.dial(
      { url, door: '/client' },
      {
        onOpen: () => this.#socket.send(this.#hello()),
        onFrame: (bytes) => this.#hear(bytes),
        onClosed: (closeReason) => this.#end(closeReason),
      },
    );
    const { sweepMilliseconds } = this.#limits;
    this.#stopSweeping = schedule.every(sweepMilliseconds, () => this.#sweep());
  }

  /** Bytes queued for the network. */
  get buffered(): number {
    return this.#socket.bytesBuffered;
  }

  /** False if the frame was not sent: the connection is not up, or its queue is full. */
  send(bytes: Uint8Array): boolean {
    assert(
      bytes.length > 0 && bytes.length <= WIRE_LIMITS.frameBytesMax,
      'a frame is within its limits',
    );
    if (this.#keepalive === undefined || this.#isOver) return false;
    const { bytesBuffered } = this.#socket;
    const isFull = bytesBuffered + bytes.length > this.#limits.clientBytesMax;
    if (bytesBuffered > 0 && isFull) return false;
    this.#socket.send(bytes);
    return true;
  }

  /** No event follows this call. Safe to call twice. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopSweeping();
    this.#socket.close(closeReasonOf('closing', 'the client closed the connection'));
  }

  #hear(bytes: Uint8Array): void {
    if (this.#keepalive !== undefined) {
      this.#options.onEvent({ type: 'frame', bytes });
      return;
    }
    const judged = judgeNode(bytes, this.#options.cluster);
    if ('refusal' in judged) {
      this.#giveUp(judged.refusal);
      return;
    }
    const times = {
      pingMilliseconds: this.#limits.clientPingMilliseconds,
      silenceMilliseconds: this.#limits.clientSilenceMilliseconds,
    };
    this.#keepalive = new Keepalive(this.#socket, times, this.#now);
    this.#options.onEvent({ type: 'up', hello: judged.hello });
  }

  #sweep(): void {
    this.#now += this.#limits.sweepMilliseconds;
    if (this.#keepalive === undefined) {
      const isLate = this.#now >= this.#limits.helloMilliseconds;
      if (isLate)
        this.#giveUp(closeReasonOf('no-hello', 'the node did not answer the hello in time'));
    } else if (!this.#keepalive.check(this.#now)) {
      this.#giveUp(closeReasonOf('silent', 'the node sent nothing within the keepalive timeout'));
    }
  }

  #giveUp(closeReason: CloseFrame): void {
    this.#socket.close(closeReason);
    this.#end(closeReason);
  }

  #end(closeReason: CloseFrame): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopSweeping();
    const isForeign = isForeignCluster(closeReason);
    this.#options.onEvent({ type: 'down', reason: closeReasonText(closeReason), isForeign });
  }

  #hello(): Uint8Array {
    const { cluster, features, token } = this.#options;
    const about = { versionMin: VERSION_MIN, versionMax: VERSION_MAX, features, cluster };
    return encodeHello(
      token === undefined ? { type: 'client', ...about } : { type: 'bearer', ...about, token },
    );
  }
}
