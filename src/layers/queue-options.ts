/** What callers of a queue give, checked before anything is sent. */

import { type Client, KvError } from '../index.ts';
import type { PushOptions, QueueOptions, TakeOptions } from './queue-api.ts';

const DAY_MILLISECONDS = 86_400_000;
/** Of every time of a queue. Longer ones would be mistakes, and some a timer cannot wait for. */
const TIME_MAX = 20 * DAY_MILLISECONDS;
const ATTEMPTS_MAX = 1000;
const NAME_CHARACTERS_MAX = 256;

/** The prefix of the keys of a queue, which puts all of them into one shard. */
export function prefixOf(kv: Pick<Client, 'space'>, name: string): string {
  if (typeof kv?.space !== 'function') {
    throw invalid('the first argument of queue must be a client, or one of its spaces');
  }
  // A brace would end the tag early.
  const isName = typeof name === 'string' && /^[^{}]+$/.test(name);
  if (isName && name.length <= NAME_CHARACTERS_MAX) return `queue:{${name}}`;
  throw invalid(
    `the name of a queue must be a text of 1 to ${NAME_CHARACTERS_MAX} characters without braces`,
  );
}

export function queueOptionsOf(options: QueueOptions): Required<QueueOptions> {
  const known = only(options, ['visibility', 'attempts', 'backoff']);
  const { visibility = 30_000, attempts = 5, backoff = 1000 } = known;
  return {
    visibility: wholeOf(visibility, 'visibility', { min: 1, max: TIME_MAX }),
    attempts: wholeOf(attempts, 'attempts', { min: 1, max: ATTEMPTS_MAX }),
    backoff: wholeOf(backoff, 'backoff', { min: 0, max: TIME_MAX }),
  };
}

export function delayOf(options: PushOptions): number {
  const { delay = 0 } = only(options, ['delay']);
  return wholeOf(delay, 'delay', { min: 0, max: TIME_MAX });
}

export function takeOptionsOf(options: TakeOptions): TakeOptions {
  const { wait, signal } = only(options, ['wait', 'signal']);
  if (wait !== undefined) wholeOf(wait, 'wait', { min: 0, max: TIME_MAX });
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw invalid('signal must be an AbortSignal');
  }
  return options;
}

/** Milliseconds before the next attempt of a job that failed. */
export function pauseAfter(attempts: number, backoff: number): number {
  return Math.max(1, Math.min(TIME_MAX, backoff * 2 ** (attempts - 1)));
}

/** A name that is misspelled must not mean the default. */
function only<T extends object>(options: T, names: readonly (keyof T & string)[]): T {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  const unknown = Object.keys(options).find((name) => !(names as readonly string[]).includes(name));
  if (unknown === undefined) return options;
  throw invalid(`there is no option ${JSON.stringify(unknown)}; known are ${names.join(', ')}`);
}

function wholeOf(
  value: number,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be a whole number from ${min} to ${max} (got ${String(value)})`);
}

function invalid(message: string): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}
