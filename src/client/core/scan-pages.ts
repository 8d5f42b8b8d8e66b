/** What scans ask of the shards, and how calls for pages end. */

import type { KvErrorCode } from '../../base/errors.ts';
import type { CallFailure } from './call-failure.ts';
import { type CallContext, fanOut } from './fan-out.ts';
import { rangeRequest } from './query-request.ts';
import type { RangeResponse } from './range.ts';
import type { PageCall, Scan, ScanStream } from './scan.ts';

export class ScanPages {
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Required: there is a map. */
  next(call: PageCall, expiresAt: number): void {
    const { scan } = call;
    if (!scan.isStarted) scan.start(this.#context.routing.shards);
    scan.wait(call, expiresAt);
    this.#proceed(scan);
  }

  /** The call that waits gives up; the scan does not. */
  drop(scan: Scan, failure: CallFailure): void {
    const call = scan.giveUp();
    if (call !== undefined) this.#context.openCalls.settle(call, failure);
  }

  #proceed(scan: Scan): void {
    const given = scan.give();
    // Each page is joined by itself: the scan merges those that it has.
    for (const stream of scan.takeHungry()) this.#ask(scan, stream);
    if (given !== undefined) this.#context.openCalls.settle(given.call, given.page);
  }

  #ask(scan: Scan, stream: ScanStream): void {
    const { expiresAt, terms } = scan;
    const question = scan.questionOf(stream);
    fanOut<ScanStream, RangeResponse>(
      {
        parts: [stream],
        call: undefined,
        expiresAt,
        request: ({ shard }, listener) => {
          return rangeRequest({ shard, level: terms.level, question, listener });
        },
        take: (_, response) => {
          return scan.isEnded || scan.take(stream, response) ? 'part-done' : 'unreadable';
        },
        join: () => {
          if (!scan.isEnded) this.#proceed(scan);
        },
        fail: (failure) => {
          stream.isAsked = false;
          this.#miss(scan, failure, expiresAt);
        },
      },
      this.#context,
    );
  }

  /** A page that was asked for ahead expires early; a call that asked later has more time. */
  #miss(scan: Scan, failure: CallFailure, expiredAt: number): void {
    const mayPass = PASSING.includes(failure.code);
    if (scan.isWaiting && mayPass && expiredAt < scan.expiresAt) this.#proceed(scan);
    else this.drop(scan, failure);
  }
}

const PASSING: readonly KvErrorCode[] = ['timeout', 'unreachable', 'overloaded'];
