/** Faults of wall clocks: they jump, once or all the time. */

import type { Random } from '../../../../src/base/random.ts';
import type { Host } from '../host.ts';
import { type Fault, namesOf, type Running, type Stage } from './fault.ts';

const HOUR = 3_600_000;
const YEAR = 8766 * HOUR;
const STROBE_MILLISECONDS = 50;
/** A node reads the wall clock when it answers plain HTTP, and rarely otherwise. */
const ASK_MILLISECONDS = 400;

function clockFault(name: string, shifting: (random: Random) => Shifting): Fault {
  return {
    name,
    family: 'clock',
    needs: ['shim'],
    seconds: [2, 5],
    isGrave: false,
    async begin({ cluster }: Stage, random): Promise<Running> {
      const hosts = random.shuffle([...cluster.hosts]);
      const hit = hosts.slice(0, random.between(1, hosts.length));
      const { text, next } = shifting(random);
      const before = hit.map(({ control }) => control.read('shiftedClocks'));
      const shift = () => {
        for (const { control } of hit) control.shiftClock(next());
      };
      const timers = [setInterval(shift, STROBE_MILLISECONDS), setInterval(ask, ASK_MILLISECONDS)];
      shift();
      function ask() {
        for (const host of hit) askPlainly(host);
      }
      return {
        target: `${namesOf(hit)} ${text}`,
        async heal() {
          for (const timer of timers) clearInterval(timer);
          for (const { control } of hit) control.shiftClock(0);
          return hit.some(({ control }, at) => control.read('shiftedClocks') > (before[at] ?? 0));
        },
      };
    },
  };
}

interface Shifting {
  readonly text: string;
  next(): number;
}

/** A node that does not answer is affected by another fault. */
function askPlainly({ listen }: Host): void {
  fetch(`http://${listen}/healthz`, { signal: AbortSignal.timeout(ASK_MILLISECONDS) }).then(
    (answer) => answer.arrayBuffer(),
    () => undefined,
  );
}

function jump(random: Random): Shifting {
  const by = random.pick([-10 * YEAR, -HOUR, -2000, 500, 2000, HOUR, 10 * YEAR]);
  return { text: `by ${by} ms`, next: () => by };
}

function strobe(random: Random): Shifting {
  const most = random.pick([200, 30_000]);
  return { text: `by up to ${most} ms`, next: () => random.between(-most, most) };
}

export const CLOCK_FAULTS: readonly Fault[] = [
  clockFault('clock-jump', jump),
  clockFault('clock-strobe', strobe),
];
