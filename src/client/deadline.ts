/** Deadlines: how long a transaction may run, ended by time or by a signal. */

import { KvError } from '../base/errors.ts';
import type { ClientSchedule } from './schedule.ts';
import { onAbort } from './signals.ts';

interface DeadlineOptions {
  readonly schedule: ClientSchedule;
  readonly now: () => number;
  readonly milliseconds: number;
  readonly signal: AbortSignal | undefined;
}

export class Deadline {
  readonly signal: AbortSignal | undefined;
  readonly #schedule: ClientSchedule;
  readonly #now: () => number;
  readonly #endsAt: number;

  constructor({ schedule, now, milliseconds, signal }: DeadlineOptions) {
    this.#schedule = schedule;
    this.#now = now;
    this.#endsAt = now() + milliseconds;
    this.signal = signal;
  }

  get millisecondsLeft(): number {
    return Math.max(0, this.#endsAt - this.#now());
  }

  get isOver(): boolean {
    return this.millisecondsLeft === 0 || this.signal?.aborted === true;
  }

  /** The result of the promise, or a failure if the deadline comes first. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    // A promise that settles after the deadline has no other listener.
    promise.catch(() => {});
    const ending = new AbortController();
    const ended = this.#sleep('timeout', this.millisecondsLeft, ending.signal).then(() => {
      throw this.endOf(timedOut());
    });
    ended.catch(() => {});
    try {
      return await Promise.race([promise, ended]);
    } finally {
      ending.abort();
    }
  }

  /** Shorter if the deadline comes before. */
  rest(milliseconds: number): Promise<void> {
    return this.#sleep('rest', Math.min(milliseconds, this.millisecondsLeft));
  }

  /** Why it ended: an aborted signal comes before any other reason. */
  endOf(otherwise: unknown): unknown {
    if (this.signal?.aborted !== true) return otherwise;
    const message = 'the signal was aborted';
    const cause = this.signal.reason;
    return new KvError({ code: 'aborted', outcome: 'notApplied', message, cause });
  }

  #sleep(
    kind: 'rest' | 'timeout',
    milliseconds: number,
    ...others: readonly AbortSignal[]
  ): Promise<void> {
    const signals = [...others, ...(this.signal === undefined ? [] : [this.signal])];
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        for (const forget of forgets) forget();
        resolve();
      };
      const cancel = this.#schedule.after(kind, milliseconds, wake);
      const forgets = signals.map((signal) => onAbort(signal, wake));
      if (signals.some(({ aborted }) => aborted)) wake();
    });
  }
}

function timedOut(): KvError {
  const message =
    'the function of the transaction was still running at its timeout, ' +
    'and no request to the cluster was open';
  return new KvError({ code: 'timeout', outcome: 'notApplied', message });
}
