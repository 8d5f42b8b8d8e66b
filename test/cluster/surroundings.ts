/** What all processes of a simulated cluster share. */

import type { Random } from '../../src/base/random.ts';
import type { MemoryNetwork } from '../../src/transport/memory-network.ts';
import type { Schedule } from '../../src/transport/sockets.ts';
import type { Agenda } from '../sim/agenda.ts';
import type { Probes } from '../sim/probes.ts';

export interface Surroundings {
  readonly agenda: Agenda;
  readonly network: MemoryNetwork;
  readonly random: Random;
  readonly probes: Probes;
}

interface ScheduleOptions {
  readonly agenda: Agenda;
  readonly isAlive: () => boolean;
  readonly heldUntil?: () => number;
  /** Runs what may end the process. */
  readonly guard?: (run: () => void) => void;
}

/**
 * Time as a process sees it: what it planned goes with it, and while it stands still, until
 * `heldUntil`, its timers fall due for nothing. It may go on earlier than it was to.
 */
export function scheduleOf({
  agenda,
  isAlive,
  heldUntil = () => 0,
  guard = (run) => run(),
}: ScheduleOptions): Schedule {
  return {
    get now() {
      return agenda.now;
    },
    every: (milliseconds, run) => {
      let isOver = false;
      const again = () => {
        agenda.after(milliseconds, () => {
          if (isOver || !isAlive()) return;
          if (heldUntil() <= agenda.now) guard(run);
          again();
        });
      };
      again();
      return () => {
        isOver = true;
      };
    },
    soon: (run) => {
      agenda.after(0, () => {
        if (isAlive()) guard(run);
      });
    },
  };
}
