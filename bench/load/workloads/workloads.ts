/** All workloads by their names. `workload.ts` says how to add one. */

import { MIXED } from './mixed.ts';
import { SINGLE_KEYS } from './single-keys.ts';
import { TRANSACTIONS } from './transactions.ts';
import type { Workload } from './workload.ts';
import { YCSB } from './ycsb.ts';

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  ...SINGLE_KEYS,
  ...YCSB,
  ...TRANSACTIONS,
  ...MIXED,
};
