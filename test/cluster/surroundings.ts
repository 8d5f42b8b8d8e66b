/** What all computers of a simulated cluster share. */

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

/** Time as a process sees it: what it planned goes with it. */
export function scheduleOf(agenda: Agenda, isAlive: () => boolean): Schedule {
  return {
    every: (milliseconds, run) => {
      let isOver = false;
      const again = () => {
        agenda.after(milliseconds, () => {
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
      agenda.after(0, () => {
        if (isAlive()) run();
      });
    },
  };
}
