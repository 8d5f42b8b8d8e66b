/** Planted where time is judged, and where what is slow is told from what is down. */

import type { Bug } from './bug.ts';

export const SLOWNESS_BUGS: readonly Bug[] = [
  {
    name: 'ticks-before-drain',
    sentence: 'a loop that was held judges time before it takes in what has arrived',
    trap: '26',
    file: 'src/transport/ticker.ts',
    find: 'this.#afterPoll({ isLate, pollsLeft: isLate ? POLLS_MAX : 1 });',
    replace: 'this.#options.onTick();',
    profiles: [],
    tests: ['ticker'],
    isFast: true,
  },
  {
    name: 'one-poll-is-enough',
    sentence: 'a late tick comes behind one poll, whatever else is on its way',
    trap: '26',
    file: 'src/transport/ticker.ts',
    find: 'this.#arrivals !== before && pollsLeft > 1',
    replace: 'false',
    profiles: [],
    tests: ['ticker'],
    isFast: true,
  },
];
