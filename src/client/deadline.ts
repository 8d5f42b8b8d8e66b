/** Patience: how long something is waited for, whatever it is. It ends by time or by a signal. */

import { KvError } from '../base/errors.ts';
import { onAbort } from './signals.ts';

interface PatienceOptions {
  readonly now: () => number;
  readonly milliseconds: number;
  readonly signal: AbortSignal | undefined;
}

export class Deadline {
  readonly signal: AbortSignal | undefined;
  readonly #now: () => number;
  readonly #endsAt: number;

  constructor({ now, milliseconds, signal }: PatienceOptions) {
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

  /** What the promise says, or a failure if patience ends before it says anything. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    // Whoever gives up does not hear what comes later, and nobody else does.
    promise.catch(() => {});
    const ending = new AbortController();
    const ended = this.#sleep(this.millisecondsLeft, ending.signal).then(() => {
      throw this.endOf(timedOut());
    });
    ended.catch(() => {});
    try {
      return await Promise.race([promise, ended]);
    } finally {
      ending.abort();
    }
  }

  /** Shorter if patience ends before. */
  rest(milliseconds: number): Promise<void> {
    return this.#sleep(Math.min(milliseconds, this.millisecondsLeft));
  }

  /** Why it ended: the signal comes before whatever else there is to say. */
  endOf(otherwise: unknown): unknown {
    if (this.signal?.aborted !== true) return otherwise;
    const message = 'the signal was aborted';
    const cause = this.signal.reason;
    return new KvError({ code: 'aborted', outcome: 'notApplied', message, cause });
  }

  #sleep(milliseconds: number, ...others: readonly AbortSignal[]): Promise<void> {
    const signals = [...others, ...(this.signal === undefined ? [] : [this.signal])];
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        for (const forget of forgets) forget();
        resolve();
      };
      const timer = setTimeout(wake, Math.ceil(milliseconds));
      const forgets = signals.map((signal) => onAbort(signal, wake));
      if (signals.some(({ aborted }) => aborted)) wake();
    });
  }
}

function timedOut(): KvError {
  const message =
    'the function of the transaction was still running when its time was over, ' +
    'and waited for no answer of the cluster';
  return new KvError({ code: 'timeout', outcome: 'notApplied', message });
}
