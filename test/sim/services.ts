/** What the world provides to every node. */

import type { Random } from '../../src/base/random.ts';
import type { Agenda } from './agenda.ts';
import type { Buggify } from './buggify.ts';
import type { Invariants } from './invariants.ts';
import type { Network } from './network.ts';
import type { Plan } from './plan.ts';
import type { Probes } from './probes.ts';
import type { Registry } from './registry.ts';
import type { Trace } from './trace.ts';

export interface Services {
  readonly agenda: Agenda;
  readonly trace: Trace;
  readonly probes: Probes;
  readonly plan: Plan;
  readonly random: Random;
  readonly buggify: Buggify;
  readonly network: Network;
  readonly invariants: Invariants;
  readonly registry: Registry;
}
