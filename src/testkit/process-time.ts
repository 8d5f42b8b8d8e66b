/** Virtual time as one process sees it: its timers end with it. */

import type { Schedule } from '../transport/sockets.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Runs of one turn come together, behind the frames of the same instant. */
const TURN_MILLISECONDS = 0.01;

export function processTime(time: VirtualTime, isAlive: () => boolean): Schedule {
  return {
    get now() {
      return time.now;
    },
    every: (milliseconds, run) => {
      let isOver = false;
      const again = () => {
        time.after(milliseconds, () => {
          if (isOver || !isAlive()) return;
          run();
          again();
        });
      };
      again();
      return () => {
        isOver = true;
      };
    },
    soon: (run) => {
      time.after(TURN_MILLISECONDS, () => {
        if (isAlive()) run();
      });
    },
  };
}
