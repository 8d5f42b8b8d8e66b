/** The ledger of a client: which calls wait, how many and how heavy, and that each ends once. */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { Call, CommitCall } from './call.ts';
import type { CallFailure } from './call-failure.ts';

export class OpenCalls {
  #calls = 0;
  #bytes = 0;

  get calls(): number {
    return this.#calls;
  }

  /** False beyond the bounds: then the call is refused at once, and nothing was done. */
  admit(call: Call): boolean {
    const bytes = weightOf(call);
    const isFull =
      this.#calls >= CLIENT_LIMITS.callsMax ||
      (this.#calls > 0 && this.#bytes + bytes > CLIENT_LIMITS.callBytesMax);
    if (isFull) return false;
    this.#calls += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Required: it was admitted, and was not settled before. */
  settle<C extends Call>(call: C, result: Parameters<C['settle']>[0] | CallFailure): void {
    this.#calls -= 1;
    this.#bytes -= weightOf(call);
    (call.settle as (result: unknown) => void)(result);
  }
}

/** About what it takes in memory. */
function weightOf(call: Call): number {
  let bytes = CALL_OVERHEAD_BYTES;
  if (call.type === 'write' || call.type === 'commit') {
    for (const operation of call.command) {
      bytes += operation.key.length + ('value' in operation ? operation.value.length : 0);
    }
  } else if (call.type === 'read') {
    for (const key of call.keys) bytes += key.length;
  } else if (call.type === 'validate') {
    for (const { key } of call.checks) bytes += key.length;
  }
  if (call.type === 'commit' || call.type === 'validate') bytes += weightOfSeen(call);
  return bytes;
}

/** What was seen of ranges, and of each key that was not there. */
function weightOfSeen({ ranges, moments }: Pick<CommitCall, 'ranges' | 'moments'>): number {
  let bytes = moments.size * MOMENT_BYTES;
  for (const { check } of ranges) bytes += RANGE_BYTES + check.key.length + check.to.length;
  return bytes;
}

const CALL_OVERHEAD_BYTES = 64;
const RANGE_BYTES = 64;
const MOMENT_BYTES = 32;
