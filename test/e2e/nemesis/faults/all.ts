/** All faults, and the selection of a run. */

import type { Ground } from '../ground.ts';
import { CLOCK_FAULTS } from './clock-faults.ts';
import { DISK_FAULTS } from './disk-faults.ts';
import type { Fault, Need } from './fault.ts';
import { MEMBERSHIP_FAULTS } from './membership-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';

const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...CLOCK_FAULTS,
  ...MEMBERSHIP_FAULTS,
];

export interface Choice {
  readonly faults: readonly Fault[];
  /** What the environment does not permit. */
  readonly impossible: readonly string[];
}

/** By families, or by parts of names; all by default. */
export function chooseFaults(only: readonly string[], ground: Ground, nodes: number): Choice {
  const isNamed = ({ name, family }: Fault) => {
    return only.length === 0 || only.some((word) => word === family || name.includes(word));
  };
  const fitting = FAULTS.filter((fault) => isNamed(fault) && nodes >= (fault.nodesMin ?? 1));
  const isPossible = ({ needs }: Fault) => needs.every((need) => offers(ground, need));
  return {
    faults: fitting.filter(isPossible),
    impossible: fitting.filter((fault) => !isPossible(fault)).map(({ name }) => name),
  };
}

function offers(ground: Ground, need: Need): boolean {
  switch (need) {
    case 'network':
      return ground.switchProgram !== undefined;
    case 'shim':
      return ground.shim !== undefined;
    case 'mounts':
      return ground.hasMounts;
    default:
      return ground.hasShares;
  }
}
