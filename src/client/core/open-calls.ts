/** The open calls of a client: how many, how many bytes, and that each ends once. */

import { CLIENT_LIMITS } from '../limits.ts';
import type { Call, WriteTrace } from './call.ts';
import { type CallFailure, notApplied } from './call-failure.ts';

export class OpenCalls {
  #calls = 0;
  #bytes = 0;

  get calls(): number {
    return this.#calls;
  }

  /** A failure if a limit is reached: then the call is refused, and has no effect. */
  admit(call: Call): CallFailure | undefined {
    const { callsMax, callBytesMax } = CLIENT_LIMITS;
    const bytes = weightOf(call);
    const isFull = this.#calls >= callsMax || this.#bytes + bytes > callBytesMax;
    if (isFull && this.#calls > 0) {
      const limits = `the limits are ${callsMax} (callsMax) and ${callBytesMax} (callBytesMax)`;
      const message = `${this.#calls} calls with ${this.#bytes} bytes are waiting; ${limits}`;
      return notApplied('too-many-calls', message);
    }
    this.add(call);
    return undefined;
  }

  /** A call of the core itself, whatever the limits are: it ends what other calls began. */
  add(call: Call): void {
    this.#calls += 1;
    this.#bytes += weightOf(call);
  }

  /** Required: it was admitted, and not settled before. */
  settle<C extends Call>(call: C, result: Parameters<C['settle']>[0] | CallFailure): void {
    this.#calls -= 1;
    this.#bytes -= weightOf(call);
    if (call.type === 'write' || call.type === 'commit') {
      call.trace?.ended(result as Parameters<WriteTrace['ended']>[0]);
    }
    (call.settle as (result: unknown) => void)(result);
  }
}

/** About the memory that it takes. */
function weightOf(call: Call): number {
  let bytes = CALL_OVERHEAD_BYTES;
  if (call.type === 'write' || call.type === 'commit') {
    for (const operation of call.command) {
      // Guards are added when the call is routed, so they do not count.
      if (operation.type === 'fence') continue;
      bytes += operation.key.length + ('value' in operation ? operation.value.length : 0);
    }
  } else if (call.type === 'read') {
    for (const key of call.keys) bytes += key.length;
  } else if (call.type === 'validate') {
    for (const { key } of call.checks) bytes += key.length;
  }
  if (call.type !== 'commit' && call.type !== 'validate') return bytes;
  for (const { check } of call.ranges) bytes += RANGE_BYTES + check.key.length + check.to.length;
  return bytes + call.moments.size * MOMENT_BYTES;
}

const CALL_OVERHEAD_BYTES = 64;
const RANGE_BYTES = 64;
const MOMENT_BYTES = 32;
