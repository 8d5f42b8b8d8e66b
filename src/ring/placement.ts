/** Which nodes hold each arc: the output of the planner, and its input the next time. */

import type { NodeId } from '../base/ids.ts';
import type { RingNode } from './ring.ts';

export interface Placement {
  /** The nodes it was made for, those with weight, in the order of their numbers. */
  readonly nodes: readonly RingNode[];
  /** For each arc its nodes, in the order of the walk from its start. */
  readonly arcs: readonly (readonly NodeId[])[];
}
