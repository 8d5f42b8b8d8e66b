/** An errand: what is asked of one shard until it is answered. The unit of sending and retrying. */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { Attempt } from '../../base/errors.ts';
import type { ShardId } from '../../base/ids.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { CallFailure } from './call-failure.ts';
import { keyText } from './key-text.ts';

/**
 * - `ready`: leaves with the next flush, if its node can be reached.
 * - `parked`: waits for a connection, for the shard's log time or for room.
 * - `resting`: failed, and waits until `dueAt` before it is tried again.
 * - `sent`: exactly one attempt is on its way.
 * - `over`: everyone who waited for it was told. What still comes is not listened to.
 */
type State = 'ready' | 'parked' | 'resting' | 'sent' | 'over';

/** How far an errand has come. */
export interface Trip {
  state: State;
  dueAt: number;
  /** Attempts so far, those included that reached nobody. */
  attempts: number;
  /** The latest ones, for people. */
  history: Attempt[];
  /**
   * Attempts that were sent and whose fate is not known: each may have taken effect, or still may.
   * The one on its way is not counted. While this is 0 and nothing is on its way, nothing has
   * happened and nothing can any more.
   */
  doubts: number;
  /** Attempts in a row that followed a hint. */
  hops: number;
  /** Answers that were none to what was asked. */
  brokenAnswers: number;
  /** What it waits for while it is parked, for people. */
  lack: string | undefined;
  /** What the last attempt met. */
  obstacle: Obstacle;
  /** How often a transaction held a key of it, and which keys: the latest, for people. */
  contentions: number;
  contendedKeys: readonly string[];
}

/** What people are told when time is over. */
export type Obstacle = 'none' | 'unreachable' | 'foreign' | 'overloaded' | 'contended';

export function newTrip(): Trip {
  return {
    state: 'ready',
    dueAt: 0,
    attempts: 0,
    history: [],
    doubts: 0,
    hops: 0,
    brokenAnswers: 0,
    lack: undefined,
    obstacle: 'none',
    contentions: 0,
    contendedKeys: [],
  };
}

/** What an attempt needs to know besides the errand itself. */
export interface Terms {
  readonly id: number;
  readonly epoch: number;
  readonly now: number;
}

/**
 * What every kind of errand does for the room that sends it. It holds those who wait for its
 * answer, and tells each of them once.
 */
export interface ShardRequest {
  readonly shard: ShardId;
  readonly trip: Trip;
  /** What it weighs in a frame. */
  readonly bytes: number;
  /** Undefined for what writes. */
  readonly level: ReadLevel | undefined;
  /** Shards whose log time has to be known before it is sent. */
  readonly timesNeeded: readonly ShardId[];
  /** No later than when the first of those who wait gives up. */
  readonly firstExpiresAt: number;
  /** Nobody waits any more. */
  readonly isOver: boolean;
  /** Undefined while something is missing that only an answer to another errand can bring. */
  toWire(terms: Terms): Request | undefined;
  /** What the answer means. `broken`: it is none to what was asked. */
  take(response: Response, now: number): Verdict;
  /** Tells those whose time is over. */
  expire(now: number, failureOf: FailureMaker): void;
  /** Tells one call that gives up, if it waits here. Called only by whom `call.errand` names. */
  drop(call: object, failureOf: FailureMaker): void;
  /** Tells all that are left. */
  fail(failureOf: FailureMaker): void;
  /** Less at a time, after `too-much`; nothing if it cannot be less. */
  halves(): readonly ShardRequest[];
}

/** Whether nothing of the errand can have happened is for the errand to say. */
export type FailureMaker = (isInDoubt: boolean) => CallFailure;

export type Verdict =
  | { readonly type: 'over' }
  /** Nothing of what is left has happened by this attempt: again, after a rest. */
  | ({ readonly type: 'again' } & Reproof)
  /** The same, as something new: nothing of the former was done, nor can be any more. */
  | ({ readonly type: 'anew'; readonly request: ShardRequest } & Reproof)
  | { readonly type: 'broken' };

/** Why what was asked did not happen this time. */
export interface Reproof {
  readonly why: string;
  readonly isMapOld?: boolean;
  /** A transaction was in the way, and soon will not be: the rest is short. */
  readonly isContended?: boolean;
}

export const OVER: Verdict = { type: 'over' };
export const BROKEN: Verdict = { type: 'broken' };

export function note(trip: Trip, attempt: Attempt): void {
  trip.history.push(attempt);
  if (trip.history.length > CLIENT_LIMITS.attemptsKept) trip.history.shift();
}

/** A transaction holds a key of it. */
export function meet(trip: Trip, key: Uint8Array | undefined): void {
  trip.contentions += 1;
  const text = key === undefined ? undefined : keyText(key);
  if (text === undefined || trip.contendedKeys.includes(text)) return;
  trip.contendedKeys = [...trip.contendedKeys, text].slice(-CLIENT_LIMITS.contendedKeysKept);
}

/** Something is on its way, or was and did not come back. */
export function isInDoubt({ state, doubts }: Trip): boolean {
  return state === 'sent' || doubts > 0;
}
