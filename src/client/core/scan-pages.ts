/** What scans ask of the shards, and how calls for pages end. */

import type { KvErrorCode } from '../../base/errors.ts';
import type { CallContext } from './call-context.ts';
import type { CallFailure } from './call-failure.ts';
import { type RangeListener, RangeRequest } from './range-request.ts';
import type { PageCall, Scan } from './scan.ts';

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
    this.#goOn(scan);
  }

  /** The call that waits gives up; the scan does not. */
  drop(scan: Scan, failure: CallFailure): void {
    const call = scan.giveUp();
    if (call !== undefined) this.#context.openCalls.settle(call, failure);
  }

  #goOn(scan: Scan): void {
    const { expiresAt } = scan;
    const given = scan.give();
    for (const { shard, question } of scan.wishes()) {
      const { level } = scan.terms;
      const requester: RangeListener = {
        call: undefined,
        onAnswer: (response) => {
          if (scan.isEnded) return true;
          if (!scan.take(shard, response)) return false;
          this.#goOn(scan);
          return true;
        },
        onFailure: (failureOf) => {
          scan.miss(shard);
          this.#miss(scan, failureOf(false), expiresAt);
        },
      };
      const { sessions, submit } = this.#context;
      submit(new RangeRequest({ shard, level, question, expiresAt, requester, sessions }));
    }
    if (given !== undefined) this.#context.openCalls.settle(given.call, given.page);
  }

  /** A page that was asked for ahead gives up early; who asks later has more time. */
  #miss(scan: Scan, failure: CallFailure, expiredAt: number): void {
    const mayPass = PASSING.includes(failure.code);
    if (scan.isWaiting && mayPass && expiredAt < scan.expiresAt) this.#goOn(scan);
    else this.drop(scan, failure);
  }
}

const PASSING: readonly KvErrorCode[] = ['timeout', 'unreachable', 'overloaded'];
