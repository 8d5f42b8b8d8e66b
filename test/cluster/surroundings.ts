/** What all processes of a simulated cluster share. */

import type { Random } from '../../src/base/random.ts';
import type { Schedule } from '../../src/transport/sockets.ts';
import type { Agenda } from '../sim/agenda.ts';
import type { Probes } from '../sim/probes.ts';
import type { MemoryNetwork } from '../support/twins/memory-network.ts';

export interface Surroundings {
  readonly agenda: Agenda;
  readonly network: MemoryNetwork;
  readonly random: Random;
  readonly probes: Probes;
}

interface ScheduleOptions {
  readonly agenda: Agenda;
  readonly isAlive: () => boolean;
  /** Runs what may end the process. */
  readonly guard?: (run: () => void) => void;
  /** Runs a timer that is due, or later if the process stands still. */
  readonly due?: (run: () => void) => void;
}

/**
 * Time as a process sees it: what it planned goes with it. A timer that falls due while it stands
 * still runs once when it goes on, or a process that is held at each beat of it would never run it.
 */
export function scheduleOf({
  agenda,
  isAlive,
  guard = (run) => run(),
  due = guard,
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
          due(run);
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

/** That of the cluster; the nodes prove it to each other as they do in production. */
export const SECRET = Uint8Array.from({ length: 16 }, (_, at) => at);

export function randomnessOf(random: Random) {
  const secureBytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  return { random, secureBytes };
}
