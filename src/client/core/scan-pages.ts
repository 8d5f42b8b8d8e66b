/** What scans ask of the shards, and how calls for pages end. */

import type { KvErrorCode } from '../../base/errors.ts';
import type { Means } from './means.ts';
import { type RangeAsker, RangeErrand } from './range-errand.ts';
import type { PageCall, Scan } from './scan.ts';
import type { Failure } from './settled.ts';

export class ScanPages {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Required: there is a map. */
  next(call: PageCall, expiresAt: number): void {
    const { scan } = call;
    if (!scan.isStarted) scan.start(this.#means.routing.shards);
    scan.wait(call, expiresAt);
    this.#goOn(scan);
  }

  /** The call that waits gives up; the scan does not. */
  drop(scan: Scan, failure: Failure): void {
    const call = scan.giveUp();
    if (call !== undefined) this.#means.ledger.settle(call, failure);
  }

  #goOn(scan: Scan): void {
    const { expiresAt } = scan;
    const given = scan.give();
    for (const { shard, question } of scan.wishes()) {
      const { level } = scan.terms;
      const requester: RangeAsker = {
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
      const { sessions, submit } = this.#means;
      submit(new RangeErrand({ shard, level, question, expiresAt, requester, sessions }));
    }
    if (given !== undefined) this.#means.ledger.settle(given.call, given.page);
  }

  /** A page that was asked for ahead gives up early; who asks later has more time. */
  #miss(scan: Scan, failure: Failure, expiredAt: number): void {
    const mayPass = PASSING.includes(failure.code);
    if (scan.isWaiting && mayPass && expiredAt < scan.expiresAt) this.#goOn(scan);
    else this.drop(scan, failure);
  }
}

const PASSING: readonly KvErrorCode[] = ['timeout', 'unreachable', 'overloaded'];
