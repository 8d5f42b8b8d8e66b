/** Failures of calls, and how their messages show keys. */

import type { KvErrorCode } from '../../base/error-codes.ts';
import type { Attempt, Outcome } from '../../base/errors.ts';
import type { Command } from '../../machine/command.ts';
import type { Reason, Reply } from '../../machine/reply.ts';

/** Why a call failed, and whether it took effect. */
export interface CallFailure {
  readonly type: 'failed';
  readonly code: KvErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
  readonly attempts: readonly Attempt[];
}

/** A failure of a call that has sent nothing that could take effect. */
export function notApplied(
  code: KvErrorCode,
  message: string,
  attempts: readonly Attempt[] = [],
): CallFailure {
  return { type: 'failed', code, outcome: 'notApplied', message, attempts };
}

/** No other node would permit it. */
export function isDenial({ code }: Pick<CallFailure, 'code'>): boolean {
  return code === 'unauthenticated' || code === 'forbidden';
}

/** The attempts of the request so far. */
type Tried = { readonly doubts: number; readonly history: readonly Attempt[] };

/** Reasons of refusals that are final. */
export type FinalReason = keyof typeof CODE_OF;

/** The key is that of the operation that was refused, if the reason is about one. */
export function refusalOf(
  reason: FinalReason,
  key: Uint8Array | undefined,
  { history: attempts }: Pick<Tried, 'history'>,
): CallFailure {
  // The shard has forgotten its reply, and with it the result of the command.
  const outcome = reason === 'acknowledged' ? 'unknown' : 'notApplied';
  const place = key !== undefined && AT_A_KEY.includes(reason) ? ` at ${keyText(key)}` : '';
  const message = `the shard refused the command${place}: ${reason}`;
  return { type: 'failed', code: CODE_OF[reason], outcome, message, attempts };
}

/** Reasons that concern one operation. */
const AT_A_KEY: readonly Reason[] = [
  'not-a-number',
  'overflow',
  'value-too-large',
  'key-twice',
  'value-lost',
];

const CODE_OF = {
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
  'lease-ended': 'lease-ended',
  'leases-full': 'leases-full',
  'tickets-full': 'lock-queue-full',
  'lock-kind': 'lock-kind',
  'fences-full': 'fences-full',
} as const satisfies Partial<Record<Reason, KvErrorCode>>;

/** A check that failed because a newer owner of a lock has written; undefined for other replies. */
export function fencedFailure(
  reply: Reply,
  command: Command,
  { history }: Pick<Tried, 'history'>,
): CallFailure | undefined {
  const fence = reply.type === 'check-failed' ? command[reply.position] : undefined;
  if (reply.type !== 'check-failed' || fence?.type !== 'fence') return undefined;
  return fencedBy({ name: fence.name, token: fence.token, highest: reply.version }, history);
}

interface Fenced {
  readonly name: Uint8Array;
  readonly token: number;
  /** The token of the newer owner. */
  readonly highest: number;
}

export function fencedBy(
  { name, token, highest }: Fenced,
  attempts: readonly Attempt[],
): CallFailure {
  const newer = `an owner of lock ${keyText(name)} with token ${highest} has written there`;
  return notApplied('fenced', `${newer}; the token of this write is ${token}`, attempts);
}

/** The shard is past the deadline of the command, but may have seen an earlier copy in time. */
export function lateFailure(copies: number, { doubts, history: attempts }: Tried): CallFailure {
  const outcome = doubts > 0 ? 'unknown' : 'notApplied';
  const message = `its deadline has passed in the shard's log time, after ${countText(copies)}`;
  return { type: 'failed', code: 'timeout', outcome, message, attempts };
}

export function countText(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`;
}

const KEY_CHARACTERS_MAX = 48;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A key for people: text in quotes, other bytes in hex, cut if it is long. */
export function keyText(key: Uint8Array): string {
  const text = plainText(key);
  if (text !== undefined) return JSON.stringify(cut(text));
  const digits = Array.from(key.subarray(0, KEY_CHARACTERS_MAX), (byte) => {
    return byte.toString(16).padStart(2, '0');
  });
  return `0x${cut(digits.join(''))}`;
}

function plainText(key: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(key);
    return /^\P{C}*$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > KEY_CHARACTERS_MAX ? `${text.slice(0, KEY_CHARACTERS_MAX)}…` : text;
}

/** Failures after which the same request may succeed, as long as there is time. */
export const PASSING_CODES: ReadonlySet<KvErrorCode> = new Set([
  'timeout',
  'unreachable',
  'overloaded',
  'audit-unavailable',
  'limit-exceeded',
]);
