/** The oracles for a bug, and their order, depend on the room of its file. */

import type { Bug } from './bug.ts';

/**
 * - `early-seeds`: the simulator, some seeds;
 * - `late-seeds`: the simulator, as many more as are allowed;
 * - `cluster-seeds`: whole nodes and clients, some seeds;
 * - `transcripts`: any change of behaviour in the scenarios;
 * - `exploration`: every state of small worlds;
 * - `unit-tests`: the suites of the room, with the bug in the product.
 */
export type Oracle =
  | 'early-seeds'
  | 'late-seeds'
  | 'cluster-seeds'
  | 'transcripts'
  | 'exploration'
  | 'unit-tests';

interface Room {
  readonly sources: string;
  readonly tests: string;
  /** The best ones come first; the slowest come last. */
  readonly oracles: readonly Oracle[];
}

const ROOMS: readonly Room[] = [
  {
    sources: 'src/raft/',
    tests: 'test/raft/',
    oracles: ['early-seeds', 'transcripts', 'exploration', 'unit-tests', 'late-seeds'],
  },
  {
    // The simulator and everything that is built on it depend only on there being a disk.
    sources: 'src/storage/',
    tests: 'test/storage/',
    oracles: ['unit-tests', 'early-seeds', 'late-seeds'],
  },
  {
    // The simulator applies with a machine of its own; whole clusters apply with this one.
    sources: 'src/machine/',
    tests: 'test/machine/',
    oracles: ['cluster-seeds', 'unit-tests'],
  },
  {
    // No node of the simulator keeps a catalog.
    sources: 'src/catalog/',
    tests: 'test/catalog/',
    oracles: ['unit-tests'],
  },
  { sources: 'src/client/', tests: 'test/client/', oracles: ['cluster-seeds', 'unit-tests'] },
  // Its transcripts are replayed by a suite among them.
  { sources: 'src/txn/', tests: 'test/txn/', oracles: ['cluster-seeds', 'unit-tests'] },
  { sources: 'src/shard/', tests: 'test/shard/', oracles: ['cluster-seeds', 'unit-tests'] },
  { sources: 'src/node/', tests: 'test/node/', oracles: ['cluster-seeds', 'unit-tests'] },
  { sources: 'src/audit/', tests: 'test/audit/', oracles: ['unit-tests'] },
  { sources: 'src/access/', tests: 'test/access/', oracles: ['unit-tests'] },
  { sources: 'src/base/', tests: 'test/base/', oracles: ['unit-tests'] },
  { sources: 'src/wire/', tests: 'test/wire/', oracles: ['unit-tests'] },
  { sources: 'src/transport/', tests: 'test/transport/', oracles: ['unit-tests'] },
  { sources: 'src/passwords/', tests: 'test/passwords/', oracles: ['unit-tests'] },
  { sources: 'src/certificates/', tests: 'test/certificates/', oracles: ['unit-tests'] },
  { sources: 'src/testkit/', tests: 'test/testkit/', oracles: ['unit-tests'] },
  { sources: 'src/layers/tables/', tests: 'test/layers/tables/', oracles: ['unit-tests'] },
  { sources: 'src/layers/files/', tests: 'test/layers/files/', oracles: ['unit-tests'] },
  { sources: 'src/layers/', tests: 'test/layers/', oracles: ['unit-tests'] },
  { sources: 'src/runtime/', tests: 'test/runtime/', oracles: ['unit-tests'] },
  // kvctl's handling of the nodes' answers.
  { sources: 'cli/', tests: 'test/cli/', oracles: ['unit-tests'] },
];

export function roomOf({ name, file }: Bug): Room {
  const room = ROOMS.find(({ sources }) => file.startsWith(sources));
  if (room === undefined) throw new RangeError(`${name} is in no room that has oracles: ${file}`);
  return room;
}
