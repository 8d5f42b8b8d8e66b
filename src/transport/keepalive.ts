/** Whether the other side of a socket is still heard. */

import type { Socket } from './sockets.ts';

interface PulseTimes {
  readonly pingMilliseconds: number;
  readonly silenceMilliseconds: number;
}

/**
 * It listens to bytes, not to frames or pongs: a large frame on a slow path is a long silence
 * otherwise, and a pong waits behind whatever is in the way. For the same reason it pings whether
 * or not the other side is heard: so that we are heard there while a large frame comes from there.
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

  /** Pings when that is due. Says whether the other side is still heard. Deaf: nothing is read. */
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
