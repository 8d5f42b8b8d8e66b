/** The schedule of a real process. */

import type { Schedule } from './sockets.ts';

export const TIMERS: Schedule = {
  every: (milliseconds, run) => {
    const timer = setInterval(run, milliseconds);
    return () => clearInterval(timer);
  },
  soon: (run) => {
    setImmediate(run);
  },
};
