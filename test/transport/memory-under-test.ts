/** The contract's network in memory, on virtual time. */

import { Random } from '../../src/base/random.ts';
import type { MemoryTime } from '../../src/testkit/memory-end.ts';
import { MemoryNetwork } from '../../src/testkit/memory-network.ts';
import type { Schedule } from '../../src/transport/sockets.ts';
import { Agenda } from '../sim/agenda.ts';
import type { NetworkUnderTest } from './network-under-test.ts';

/** A schedule on the simulator's agenda. */
export function scheduleOn(agenda: Agenda): Schedule {
  return {
    get now() {
      return agenda.now;
    },
    every: (milliseconds, run) => {
      let isOn = true;
      const again = () => {
        if (!isOn) return;
        run();
        agenda.after(milliseconds, again);
      };
      agenda.after(milliseconds, again);
      return () => {
        isOn = false;
      };
    },
    soon: (run) => agenda.after(0, run),
  };
}

export interface MemoryUnderTest extends NetworkUnderTest {
  readonly memory: MemoryNetwork;
  readonly agenda: Agenda;
}

export function openMemory(seed = 1): MemoryUnderTest {
  const random = new Random(seed);
  const agenda = new Agenda(random.fork('ties'));
  const time: MemoryTime = agenda;
  const memory = new MemoryNetwork({ time, random: random.fork('network') });
  const urls: string[] = [];
  const everywhere = (work: (direction: { from: string; to: string }) => void) => {
    for (const from of urls) for (const to of urls) if (from !== to) work({ from, to });
  };
  return {
    memory,
    agenda,
    schedule: scheduleOn(agenda),
    place: async (url = `memory://${urls.length}`) => {
      if (!urls.includes(url)) urls.push(url);
      return { url, sockets: memory.host(url), crash: async () => memory.crash(url) };
    },
    pass: async (milliseconds) => agenda.runUntil(agenda.now + milliseconds),
    stall: () => everywhere((direction) => memory.stall(direction)),
    resume: () => everywhere((direction) => memory.resume(direction)),
    reset: () => everywhere((direction) => memory.reset(direction)),
    end: async () => {},
  };
}
