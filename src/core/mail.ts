/** What a node says to others beside the messages of shards: a frame for each of them and turn. */

import type { NodeId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import {
  bytesMaxOfNodeMessage,
  encodeNodeMessages,
  type NodeMessage,
} from '../wire/node-message.ts';

/** The header of a frame. */
const HEADER_BYTES_MAX = 8;

interface MailOptions {
  /** False if the frame did not leave. */
  readonly send: (to: NodeId, bytes: Uint8Array) => boolean;
  /** There is something to send at the end of this turn. */
  readonly onWork: () => void;
  /** None of them left. */
  readonly onUnsent: (messages: readonly NodeMessage[]) => void;
}

export class Mail {
  readonly #options: MailOptions;
  #boxes = new Map<NodeId, NodeMessage[]>();

  constructor(options: MailOptions) {
    this.#options = options;
  }

  tell(to: NodeId, message: NodeMessage): void {
    const box = this.#boxes.get(to);
    if (box !== undefined) {
      box.push(message);
      return;
    }
    this.#boxes.set(to, [message]);
    this.#options.onWork();
  }

  flush(): void {
    if (this.#boxes.size === 0) return;
    const boxes = this.#boxes;
    this.#boxes = new Map();
    for (const [to, messages] of boxes) {
      for (const part of partsOf(messages)) {
        if (!this.#options.send(to, encodeNodeMessages(part))) this.#options.onUnsent(part);
      }
    }
  }
}

/** As few frames as the limits allow. */
function partsOf(messages: readonly NodeMessage[]): readonly (readonly NodeMessage[])[] {
  const parts: NodeMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const more = bytesMaxOfNodeMessage(message);
    const last = parts.at(-1);
    const isFull = bytes + more > WIRE_LIMITS.frameBytesMax;
    if (last === undefined || isFull || last.length >= REQUEST_LIMITS.requestsMax) {
      parts.push([message]);
      bytes = HEADER_BYTES_MAX + more;
    } else {
      last.push(message);
      bytes += more;
    }
  }
  return parts;
}
