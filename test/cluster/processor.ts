/** The processor time of simulated nodes, by which leaders gather or spread. */

import type { Random } from '../../src/base/random.ts';
import type { NodeStateOptions } from '../../src/node/node-state.ts';

interface Process {
  readonly url: string;
  readonly random: Random;
  readonly clock: () => number;
}

/** What a process that starts is told of its load. */
export type LoadOf = (process: Process) => Pick<NodeStateOptions, 'leaders' | 'processorTime'>;

/** Leaders stay where the goals prefer them, so that tests know where they are. */
export const SPREAD: LoadOf = () => ({ leaders: 'spread' });

const PHASE_MILLISECONDS = 30_000;
/** Of one core. Leaders gather on nodes at the first, and spread from nodes at the last. */
const SHARES = [0.1, 0.1, 0.6, 1] as const;

/** Each process is idle or busy for half a minute at a time. */
export const VARIED: LoadOf = ({ random, clock }) => {
  let until = clock();
  let share = 0;
  const shareNow = () => {
    for (; clock() >= until; until += PHASE_MILLISECONDS) share = random.pick(SHARES);
    return share;
  };
  return { processorTime: processorTimeBy(clock, shareNow) };
};

/** By the share of a core that the process uses whenever it is asked. */
export function processorTimeBy(clock: () => number, shareNow: () => number): () => number {
  let used = 0;
  let counted = clock();
  return () => {
    used += (clock() - counted) * shareNow();
    counted = clock();
    return used;
  };
}
