/** Refusals of shards: which of them may pass, and what a caller is told of the others. */

import type { KvErrorCode } from '../../base/errors.ts';
import type { Reason } from '../../machine/reply.ts';
import type { CallFailure } from './call-failure.ts';
import { keyText } from './key-text.ts';

export type PassingReason =
  | 'deadline-passed'
  | 'deadline-too-far'
  | 'wrong-epoch'
  | 'window-full'
  | 'entry-full';

export function isPassing(reason: Reason): reason is PassingReason {
  return (
    reason === 'deadline-passed' ||
    reason === 'deadline-too-far' ||
    reason === 'wrong-epoch' ||
    reason === 'window-full' ||
    reason === 'entry-full'
  );
}

interface Refused {
  readonly attempts: CallFailure['attempts'];
  /** Of the operation that was refused, if it was one and not the whole. */
  readonly key: Uint8Array | undefined;
}

/** Of a reason that does not pass. */
export function refusalOf(
  reason: Exclude<Reason, PassingReason>,
  { attempts, key }: Refused,
): CallFailure {
  // Its reply is gone, and with it the knowledge of what it was.
  const outcome = reason === 'acknowledged' ? 'unknown' : 'notApplied';
  const place = key !== undefined && AT_A_KEY.includes(reason) ? ` at ${keyText(key)}` : '';
  const message = `the shard refused the command${place}: ${reason}`;
  return { type: 'failed', code: CODE_OF[reason], outcome, message, attempts };
}

/** Reasons that one operation gave. */
const AT_A_KEY: readonly Reason[] = [
  'not-a-number',
  'overflow',
  'value-too-large',
  'key-twice',
  'value-lost',
];

const CODE_OF: Readonly<Record<Exclude<Reason, PassingReason>, KvErrorCode>> = {
  acknowledged: 'answer-lost',
  'not-a-number': 'not-a-number',
  overflow: 'overflow',
  'value-too-large': 'value-too-large',
  'key-twice': 'key-twice',
  'result-too-large': 'result-too-large',
  'too-much-work': 'command-too-large',
  'value-lost': 'value-lost',
  malformed: 'refused',
  'gave-way': 'contended',
  aborted: 'contended',
};
