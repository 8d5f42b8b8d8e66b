/** The port to time: when a client's turns, ticks and rests come. */

import { Ticker } from '../transport/ticker.ts';

interface TickOptions {
  readonly milliseconds: number;
  readonly onTick: () => void;
  /** As soon as a tick is due, before input is looked for. */
  readonly onDue: () => void;
  readonly now: () => number;
}

export interface Ticks {
  /** Safe to call twice. */
  start(): void;
  stop(): void;
  /** Reports input: a due tick comes after it. */
  arrived(): void;
}

export interface ClientSchedule {
  /** Runs once, after all that this turn has read and its microtasks. */
  soon(run: () => void): void;
  ticks(options: TickOptions): Ticks;
  /** Runs once; the result cancels it. A call may wait for a rest; a timeout only ends one. */
  after(kind: 'rest' | 'timeout', milliseconds: number, run: () => void): () => void;
}

/** The timers of a real process. */
export const CLIENT_TIMERS: ClientSchedule = {
  soon: (run) => {
    setImmediate(run);
  },
  ticks: (options) => new Ticker(options),
  after: (_kind, milliseconds, run) => {
    const timer = setTimeout(run, Math.ceil(milliseconds));
    return () => clearTimeout(timer);
  },
};
