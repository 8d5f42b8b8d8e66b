/** The open streams of one client, and how much of them a node keeps in total. */

import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { ResponderStreams, StreamHandle } from '../shard/responder.ts';
import { WATCH_NODE_LIMITS } from './limits.ts';

/** What the streams of all clients of a node take. */
export class StreamQuota {
  #streams = 0;
  #bytes = 0;

  admits(bytes: number): boolean {
    const { streamsMax, rangesBytesMax } = WATCH_NODE_LIMITS;
    return this.#streams < streamsMax && this.#bytes + bytes <= rangesBytesMax;
  }

  add(bytes: number): void {
    this.#streams += 1;
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#streams -= 1;
    this.#bytes -= bytes;
  }
}

interface Attached {
  readonly stream: StreamHandle;
  readonly bytes: number;
}

/** Where the open streams of several clients are counted together. */
interface StreamCount {
  streams: number;
}

export class ClientStreams implements ResponderStreams {
  readonly #quota: StreamQuota;
  #count: StreamCount | undefined;
  /** Called for a stream that ends without a response. */
  readonly #onCancelled: (id: number) => void;
  /** By the id of its request; undefined until a replica serves it. */
  readonly #open = new Map<number, Attached | undefined>();

  constructor(quota: StreamQuota, onCancelled: (id: number) => void) {
    this.#quota = quota;
    this.#onCancelled = onCancelled;
  }

  get size(): number {
    return this.#open.size;
  }

  /** From now on they are counted there, too. */
  countIn(count: StreamCount | undefined): void {
    if (this.#count !== undefined) this.#count.streams -= this.#open.size;
    this.#count = count;
    if (count !== undefined) count.streams += this.#open.size;
  }

  /** Whether one more would be too many. */
  get isFull(): boolean {
    return this.#open.size >= WATCH_LIMITS.streamsOfConnectionMax;
  }

  /** A request for a stream has arrived. Required: no other one has the id. */
  begin(id: number): void {
    this.#open.set(id, undefined);
    if (this.#count !== undefined) this.#count.streams += 1;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  admits(rangeBytes: number): boolean {
    return this.#quota.admits(rangeBytes);
  }

  attach(id: number, stream: StreamHandle, rangeBytes: number): void {
    // The client may have gone meanwhile.
    if (!this.#open.has(id)) return stream.cancel();
    this.#open.set(id, { stream, bytes: rangeBytes });
    this.#quota.add(rangeBytes);
  }

  of(id: number): StreamHandle | undefined {
    return this.#open.get(id)?.stream;
  }

  detach(id: number): void {
    if (this.end(id)) this.#onCancelled(id);
  }

  /** It has had its last response. False if it was not open. */
  end(id: number): boolean {
    const attached = this.#open.get(id);
    if (attached !== undefined) this.#quota.remove(attached.bytes);
    const wasOpen = this.#open.delete(id);
    if (wasOpen && this.#count !== undefined) this.#count.streams -= 1;
    return wasOpen;
  }

  /** The client is gone. */
  endAll(): void {
    const all = [...this.#open.values()];
    this.countIn(undefined);
    this.#open.clear();
    for (const attached of all) {
      if (attached === undefined) continue;
      this.#quota.remove(attached.bytes);
      attached.stream.cancel();
    }
  }
}
