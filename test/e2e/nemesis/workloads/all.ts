/** All workloads, and how one of them is picked. */

import type { Random } from '../../../../src/base/random.ts';
import { BANK } from './bank.ts';
import { COUNTERS } from './counters.ts';
import { LISTS } from './lists.ts';
import { LIVES } from './lives.ts';
import { PAIRS_WORK } from './pairs.ts';
import { REGISTERS } from './registers.ts';
import { SCANS } from './scans.ts';
import type { Workload } from './workload.ts';

export const WORKLOADS: readonly Workload[] = [
  REGISTERS,
  LISTS,
  BANK,
  COUNTERS,
  PAIRS_WORK,
  LIVES,
  SCANS,
];

export function pickWorkload(random: Random): Workload {
  const total = WORKLOADS.reduce((sum, { weight }) => sum + weight, 0);
  let dice = random.fraction() * total;
  for (const workload of WORKLOADS) {
    dice -= workload.weight;
    if (dice < 0) return workload;
  }
  return REGISTERS;
}
