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

/**
 * Time as a process sees it: what it planned goes with it, and a process that is stopped does
 * nothing until it goes on at `heldUntil`.
 */
export function scheduleOf(
  agenda: Agenda,
  isAlive: () => boolean,
  heldUntil: () => number = () => 0,
): Schedule {
  return {
    every: (milliseconds, run) => {
      let isOver = false;
      const again = () => {
        agenda.at(Math.max(agenda.now + milliseconds, heldUntil()), () => {
          if (isOver || !isAlive()) return;
          if (heldUntil() <= agenda.now) run();
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
