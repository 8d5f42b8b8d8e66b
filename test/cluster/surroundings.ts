/** What all processes of a simulated cluster share. */

import type { Random } from '../../src/base/random.ts';
import type { MemoryNetwork } from '../../src/testkit/memory-network.ts';
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
  /** Runs work in which the process may crash. */
  readonly guard?: (run: () => void) => void;
  /** Runs a timer that is due, or later if the process is suspended. */
  readonly due?: (run: () => void) => void;
}

/**
 * Time as a process sees it: its timers end with it. A timer that falls due while the process is
 * suspended runs once when it continues; otherwise repeated stalls could prevent it for ever.
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

/** The cluster secret; the nodes prove it to each other as they do in production. */
export const SECRET = Uint8Array.from({ length: 16 }, (_, at) => at);

export function randomnessOf(random: Random) {
  const secureBytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  return { random, secureBytes };
}
