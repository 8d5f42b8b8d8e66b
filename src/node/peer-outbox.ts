/**
 * Messages between nodes beside those of shards: one frame for each peer and turn. A message
 * without hurry waits for others, because a wakeup costs more than one more message in a frame.
 */

import type { NodeId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { bytesMaxOf } from '../base/schema.ts';
import type { PeerAddress } from '../transport/transport.ts';
import { encodeNodeMessages, isForward, type NodeMessage } from '../wire/node-message.ts';

/** The stream of messages that wait for capacity as appends do; shards use their own numbers. */
const STREAM = 0xffff_ffff;

/** The header of a frame. */
const HEADER_BYTES_MAX = 8;

/** The lane is always the same. */
type Address = Omit<PeerAddress, 'lane'>;

interface PeerOutboxOptions {
  /** False if the frame did not leave. */
  readonly send: (to: Address, bytes: Uint8Array) => boolean;
  /** There is something to send at the end of this turn. */
  readonly onWork: () => void;
}

interface Box {
  readonly messages: NodeMessage[];
  hasHurry: boolean;
}

export class PeerOutbox {
  readonly #options: PeerOutboxOptions;
  readonly #boxes = new Map<NodeId, Box>();

  constructor(options: PeerOutboxOptions) {
    this.#options = options;
  }

  /** Keeps the order of calls, whichever message is urgent. */
  tell(to: NodeId, message: NodeMessage, { hasHurry = true } = {}): void {
    const box = this.#boxes.get(to) ?? { messages: [], hasHurry: false };
    this.#boxes.set(to, box);
    box.messages.push(message);
    if (hasHurry) this.#hurry(box);
  }

  /** Another frame leaves for this node in this turn. */
  accompany(to: NodeId): void {
    const box = this.#boxes.get(to);
    if (box !== undefined) box.hasHurry = true;
  }

  /** Messages without hurry have waited for long enough. */
  hurryAll(): void {
    for (const box of this.#boxes.values()) this.#hurry(box);
  }

  /** Messages are to leave at the end of this turn. */
  get hasWork(): boolean {
    for (const { hasHurry } of this.#boxes.values()) if (hasHurry) return true;
    return false;
  }

  /** Returns the messages that did not leave. */
  flush(): readonly NodeMessage[] {
    if (this.#boxes.size === 0) return [];
    const unsent: NodeMessage[] = [];
    // A copy: messages that are added meanwhile are for the next turn.
    for (const [to, { messages, hasHurry }] of [...this.#boxes]) {
      if (!hasHurry) continue;
      this.#boxes.delete(to);
      this.#send(
        { node: to },
        messages.filter((message) => !isLoad(message)),
        unsent,
      );
      this.#send({ node: to, stream: STREAM }, messages.filter(isLoad), unsent);
    }
    return unsent;
  }

  #send(to: Address, messages: readonly NodeMessage[], unsent: NodeMessage[]): void {
    for (const part of partsOf(messages)) {
      if (!this.#options.send(to, encodeNodeMessages(part))) unsent.push(...part);
    }
  }

  #hurry(box: Box): void {
    if (box.hasHurry) return;
    box.hasHurry = true;
    this.#options.onWork();
  }
}

/** Clients determine its volume, so it must wait for capacity like other load. */
function isLoad(message: NodeMessage): boolean {
  return isForward(message) || message.type === 'forwarded' || message.type === 'map';
}

/** As few frames as the limits allow. */
function partsOf(messages: readonly NodeMessage[]): readonly (readonly NodeMessage[])[] {
  const parts: NodeMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const more = bytesMaxOf(message);
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
