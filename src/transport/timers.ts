/** The `Schedule` of a real process. */

import { monotoneNow } from '../base/ambient.ts';
import type { Schedule } from './sockets.ts';

export const TIMERS: Schedule = {
  get now() {
    return monotoneNow();
  },
  every: (milliseconds, run) => {
    const timer = setInterval(run, milliseconds);
    return () => clearInterval(timer);
  },
  soon: (run) => {
    setImmediate(run);
  },
};

/** The same, but its timers do not keep the process from ending. */
export const LOOSE_TIMERS: Schedule = {
  ...TIMERS,
  get now() {
    return monotoneNow();
  },
  every: (milliseconds, run) => {
    const timer = setInterval(run, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
