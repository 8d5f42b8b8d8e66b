/** Keepalive: detects that the other side of a socket is silent. */

import type { Socket } from './sockets.ts';

interface PulseTimes {
  readonly pingMilliseconds: number;
  readonly silenceMilliseconds: number;
}

/**
 * Bytes count, not frames or pongs: a large frame on a slow path takes long, and a pong queues
 * behind it. It pings even while bytes arrive: the other side, busy sending a large frame, also
 * needs bytes from this side.
 */
export class Keepalive {
  readonly #socket: Socket;
  readonly #times: PulseTimes;
  #received: number;
  #heardAt: number;
  #pingedAt: number;

  constructor(socket: Socket, times: PulseTimes, now: number) {
    this.#socket = socket;
    this.#times = times;
    this.#received = socket.bytesReceived;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** Pings when due. Returns whether the other side is alive. Deaf: reading is paused. */
  check(now: number, { isDeaf = false } = {}): boolean {
    const { pingMilliseconds, silenceMilliseconds } = this.#times;
    const { bytesReceived } = this.#socket;
    if (isDeaf || bytesReceived !== this.#received) this.#heardAt = now;
    this.#received = bytesReceived;
    if (now - this.#heardAt >= silenceMilliseconds) return false;
    if (now - this.#pingedAt >= pingMilliseconds) {
      this.#pingedAt = now;
      this.#socket.ping();
    }
    return true;
  }
}
