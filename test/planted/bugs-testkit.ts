/** Bugs in the cluster that applications test with. */

import type { Bug } from './bug.ts';

export const TESTKIT_BUGS: readonly Bug[] = [
  {
    name: 'timeouts-that-move-the-clock',
    sentence: 'a transaction that waits for something outside runs into its timeout at once',
    file: 'src/testkit/test-client.ts',
    find: "kind === 'rest'",
    replace: 'true',
    profiles: [],
    tests: ['testkit'],
    isFast: false,
  },
  {
    name: 'heal-without-a-start',
    sentence: 'a node that crashed stays down when the faults end',
    file: 'src/testkit/test-cluster.ts',
    find: 'for (const node of this.#nodes) node.start();',
    replace: '',
    profiles: [],
    tests: ['testkit'],
    isFast: false,
  },
  {
    name: 'long-times-not-passed',
    sentence: 'the clock is advanced by two minutes at most',
    file: 'src/testkit/test-cluster.ts',
    find: 'if (jumped > 0) this.#time.jump(jumped);',
    replace: '',
    profiles: [],
    tests: ['testkit'],
    isFast: false,
  },
];
