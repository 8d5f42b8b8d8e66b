/** The pages that scans ask of the shards, and the ends of calls for them. */

import { type CallFailure, PASSING_CODES } from './call-failure.ts';
import { type CallContext, fanOut } from './fan-out.ts';
import { rangeRequest } from './query-request.ts';
import type { RangeAnswer } from './range.ts';
import type { PageCall, Scan, ScanStream } from './scan.ts';

/** Required: there is a map. */
export function startPage(call: PageCall, expiresAt: number, context: CallContext): void {
  const { scan } = call;
  scan.wait(call, expiresAt, context.routing.shardsOf(scan.terms.range));
  proceed(scan, context);
}

/** Fails the waiting call; the scan can go on. */
export function dropPage(scan: Scan, failure: CallFailure, { openCalls }: CallContext): void {
  const call = scan.giveUp();
  if (call !== undefined) openCalls.settle(call, failure);
}

function proceed(scan: Scan, context: CallContext): void {
  const given = scan.give();
  // A fan-out for each page: the scan merges the pages that it has.
  for (const stream of scan.takeHungry()) ask(stream, scan, context);
  if (given !== undefined) context.openCalls.settle(given.call, given.page);
}

function ask(stream: ScanStream, scan: Scan, context: CallContext): void {
  const { expiresAt, terms } = scan;
  const question = scan.questionOf(stream);
  fanOut<ScanStream, RangeAnswer>(
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
        if (!scan.isEnded) proceed(scan, context);
      },
      fail: (failure) => {
        stream.isAsked = false;
        // A page that was asked for ahead expires early; a call that asked later has more time.
        const mayPass = PASSING_CODES.has(failure.code) && expiresAt < scan.expiresAt;
        if (scan.isWaiting && mayPass) proceed(scan, context);
        else dropPage(scan, failure, context);
      },
    },
    context,
  );
}
