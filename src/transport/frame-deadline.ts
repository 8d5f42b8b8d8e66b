/**
 * The minimum rate of an incoming frame. A slow link is within it; a peer that sends single bytes
 * to pin memory is not.
 */

import type { TransportLimits } from '../base/transport-limits.ts';
import type { Socket } from './sockets.ts';

type DeadlineLimits = Pick<TransportLimits, 'frameProgressMilliseconds' | 'frameProgressBytes'>;

export class FrameDeadline {
  readonly #socket: Pick<Socket, 'bytesReceived' | 'bytesUnfinished'>;
  readonly #limits: DeadlineLimits;
  /** The start of the current measurement; undefined while no frame is incomplete. */
  #since: { readonly at: number; readonly received: number } | undefined;

  constructor(socket: Pick<Socket, 'bytesReceived' | 'bytesUnfinished'>, limits: DeadlineLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /** Whether the frame progresses fast enough. Deaf: reading is paused, so it cannot progress. */
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
