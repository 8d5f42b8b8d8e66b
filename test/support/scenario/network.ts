/** The links between the replicas of a transcript: queues of frames, one for each direction. */

import type { Message } from '../../../src/raft/message.ts';
import { decodeFrame, encodeFrame } from '../../../src/wire/frame.ts';

export interface Link {
  readonly from: number;
  readonly to: number;
  /** Everything crosses as bytes, so that no object is shared between two replicas. */
  readonly frames: Uint8Array[];
  /** Messages wait until the link is released. */
  isHeld: boolean;
  /** Messages are lost. */
  isCut: boolean;
}

export class Network {
  readonly #links = new Map<string, Link>();

  link(from: number, to: number): Link {
    const name = `${from}->${to}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const link = { from, to, frames: [], isHeld: false, isCut: false };
    this.#links.set(name, link);
    return link;
  }

  /** Every link that was ever used, in the order of its ends. */
  get links(): readonly Link[] {
    return [...this.#links.values()].sort(
      (one, other) => one.from - other.from || one.to - other.to,
    );
  }

  /** Returns whether the message is in transit. */
  send(message: Message): boolean {
    const link = this.link(message.from, message.to);
    if (!link.isCut) link.frames.push(encodeFrame([message]));
    return !link.isCut;
  }
}

/** The message in a frame that a replica made. */
export function unpack(frame: Uint8Array): Message {
  const [message] = decodeFrame(frame.slice()) ?? [];
  if (message === undefined) throw new Error('a frame that cannot be read back');
  return message;
}
