/** One stream that a replica serves: what its client asked for, and what it waits for. */

import type { StreamStart } from '../wire/request.ts';
import type { FairJob } from './fair-queue.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';
import type { PageRead } from './page-read.ts';
import type { Requester } from './proposals.ts';
import type { StreamHandle } from './responder.ts';
import { Stream } from './stream.ts';
import type { WatchBounds, WatchedRange, WatchedRanges } from './watched-ranges.ts';

const { rangesMax } = FAIRNESS_LIMITS;

export interface StreamTerms extends WatchBounds {
  /** Behind what it continues; undefined to begin with the range itself. */
  readonly start: StreamStart | undefined;
  /** The first page shows a state at or behind this index. */
  readonly atLeast: number;
  readonly keysOnly: boolean;
  readonly credit: number;
}

/** What serves the streams of one replica. */
export interface StreamServer {
  readonly ranges: WatchedRanges<OpenStream>;
  readonly now: number;
  /** Does one step of a stream. Returns the cost. */
  run(stream: OpenStream): number;
  /** The stream may have something to send. */
  schedule(stream: OpenStream): void;
  reach(stream: OpenStream, index: number): void;
  remove(stream: OpenStream): void;
}

interface OpenStreamOptions {
  readonly requester: Requester;
  /** Bytes are copied: a frame is not kept for as long as its stream is open. */
  readonly terms: StreamTerms;
  readonly server: StreamServer;
}

/**
 * Its steps are jobs in the queue of its connection. One object without closures of its own: a node
 * serves many idle streams.
 */
export class OpenStream implements FairJob, StreamHandle {
  readonly #server: StreamServer;
  readonly requester: Requester;
  readonly range: WatchedRange<OpenStream>;
  readonly stream: Stream;
  readonly atLeast: number;
  readonly keysOnly: boolean;
  readonly openedAt: number;
  /** It begins with the range itself. */
  readonly isNew: boolean;
  /** How many messages were sent. */
  messages = 0;
  isQueued = false;
  /** It has sent all changes of its range through the head of the history. */
  isSynced = false;
  /** The state that it wants is here. */
  hasBegun = false;
  isClosed = false;
  /** Its client is to be told how far it has come. */
  owesProgress = false;
  /** The disk reads it. */
  page: PageRead | undefined = undefined;

  constructor({ requester, terms, server }: OpenStreamOptions) {
    const { from, to, start, atLeast, keysOnly, credit } = terms;
    this.#server = server;
    this.requester = requester;
    this.atLeast = atLeast;
    this.keysOnly = keysOnly;
    this.openedAt = server.now;
    this.isNew = start === undefined;
    this.range = server.ranges.add({ from, to }, this);
    const copied = start && { ...start, cursor: start.cursor?.slice() };
    this.stream = new Stream({ range: this.range, start: copied, credit, keysOnly });
  }

  /** Each step is a job of its own. */
  get isOver(): true {
    return true;
  }

  /** A page needs a view, and one connection has few of them. */
  get isReady(): boolean {
    const { share } = this.requester.responder;
    return !this.stream.isInitial || share === undefined || share.ranges < rangesMax;
  }

  run(): number {
    return this.#server.run(this);
  }

  drop(): void {
    this.#server.remove(this);
  }

  grant(bytes: number): void {
    this.stream.grant(bytes);
    this.#server.schedule(this);
  }

  reach(index: number): void {
    this.#server.reach(this, index);
  }

  cancel(): void {
    this.#server.remove(this);
  }
}
