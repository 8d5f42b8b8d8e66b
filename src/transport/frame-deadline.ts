/**
 * How long a frame may take to come: as long as it goes on. A slow link is given its time, and one
 * that sends a byte now and then to keep what came before in memory is not.
 */

import type { TransportLimits } from '../base/transport-limits.ts';
import type { Socket } from './sockets.ts';

type DeadlineLimits = Pick<TransportLimits, 'frameProgressMilliseconds' | 'frameProgressBytes'>;

export class FrameDeadline {
  readonly #socket: Pick<Socket, 'bytesReceived' | 'bytesUnfinished'>;
  readonly #limits: DeadlineLimits;
  /** Since then so many bytes should have come; undefined while no frame is on its way. */
  #since: { readonly at: number; readonly received: number } | undefined;

  constructor(socket: Pick<Socket, 'bytesReceived' | 'bytesUnfinished'>, limits: DeadlineLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /** Whether what comes still goes on. Deaf: nothing is read of it, so it cannot. */
  check(now: number, { isDeaf }: { readonly isDeaf: boolean }): boolean {
    const { bytesUnfinished, bytesReceived: received } = this.#socket;
    if (bytesUnfinished === 0 || isDeaf) {
      this.#since = undefined;
      return true;
    }
    const since = this.#since ?? { at: now, received };
    this.#since = since;
    if (now - since.at < this.#limits.frameProgressMilliseconds) return true;
    this.#since = { at: now, received };
    return received - since.received >= this.#limits.frameProgressBytes;
  }
}
