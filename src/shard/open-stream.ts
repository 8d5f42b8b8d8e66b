/** One stream that a replica serves: what its client asked for, and what it waits for. */

import type { StreamStart } from '../wire/request.ts';
import type { FairJob } from './fair-queue.ts';
import type { PageRead } from './page-read.ts';
import type { Requester } from './proposals.ts';
import { Stream } from './stream.ts';
import type { WatchBounds, WatchedRange, WatchedRanges } from './watched-ranges.ts';

export interface StreamTerms extends WatchBounds {
  /** Behind what it continues; undefined to begin with the range itself. */
  readonly start: StreamStart | undefined;
  /** The first page shows a state at or behind this index. */
  readonly atLeast: number;
  readonly keysOnly: boolean;
  readonly credit: number;
}

interface OpenStreamOptions {
  readonly requester: Requester;
  /** Bytes are copied: a frame is not kept for as long as its stream is open. */
  readonly terms: StreamTerms;
  readonly ranges: WatchedRanges<OpenStream>;
  readonly now: number;
}

export class OpenStream {
  readonly requester: Requester;
  readonly range: WatchedRange<OpenStream>;
  readonly stream: Stream;
  readonly atLeast: number;
  readonly keysOnly: boolean;
  readonly openedAt: number;
  /** It begins with the range itself. */
  readonly isNew: boolean;
  /** Sends its next message. */
  job: FairJob | undefined;
  isQueued = false;
  /** It has sent all changes of its range through the head of the history. */
  isSynced = false;
  /** The state that it wants is here. */
  hasBegun = false;
  isClosed = false;
  /** Its client is to be told how far it has come. */
  owesProgress = false;
  /** The disk reads it. */
  page: PageRead | undefined;

  constructor({ requester, terms, ranges, now }: OpenStreamOptions) {
    const { from, to, start, atLeast, keysOnly, credit } = terms;
    this.requester = requester;
    this.atLeast = atLeast;
    this.keysOnly = keysOnly;
    this.openedAt = now;
    this.isNew = start === undefined;
    this.range = ranges.add({ from, to }, this);
    const copied = start && { ...start, cursor: start.cursor?.slice() };
    this.stream = new Stream({ range: this.range, start: copied, credit, keysOnly });
  }
}
