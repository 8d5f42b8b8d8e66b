/** Explains a placement: the walk from the arc's start, and the verdict on every node on it. */

import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { arcStart } from './arc.ts';
import { Draft } from './draft.ts';
import { type Placement, type Ring, type RingNode, walk } from './ring.ts';
import { type FairShare, shareOf } from './share.ts';
import { spreadOver } from './spread.ts';

/**
 * - `holds`: the first on the walk that could hold it, or the next.
 * - `kept`: holds it because it held it before, though a node nearer on the walk was passed over.
 * - `zone taken`: no node further on could make way for it without crowding its zone.
 * - `full`: it holds its quota of replicas.
 * - `passed over`: it could hold the arc, but the arc lay elsewhere when it came, and stays there.
 */
type Verdict = 'holds' | 'kept' | 'zone taken' | 'full' | 'passed over';

interface Step {
  readonly node: NodeId;
  readonly zone: string;
  readonly verdict: Verdict;
  /** Replicas of all arcs on this node, and how many it should hold. */
  readonly load: number;
  readonly quota: number;
}

interface Explanation {
  readonly arc: number;
  /** Positions in [start, end). */
  readonly start: number;
  readonly end: number;
  /** As far as the last node that holds the arc. */
  readonly steps: readonly Step[];
}

interface ExplainOptions {
  /** The ring of the nodes of the placement. */
  readonly ring: Ring;
  readonly placement: Placement;
  readonly arc: number;
}

export function explain({ ring, placement, arc }: ExplainOptions): Explanation {
  const arcs = placement.arcs.length;
  const holders = new Set(placement.arcs[arc]);
  assert(arc >= 0 && arc < arcs, 'the arc was placed');
  const spread = spreadOver(ring, holders.size);
  const shares = shareOf(ring, arcs, spread);
  const loads = new Map<NodeId, number>();
  for (const node of placement.arcs.flat()) loads.set(node, (loads.get(node) ?? 0) + 1);
  const loadOf = (at: number) => loads.get((ring.nodes[at] as RingNode).node) ?? 0;
  const walked = walk(ring, arcStart(arc, arcs));
  const isHolder = (at: number) => holders.has((ring.nodes[at] as RingNode).node);
  const draft = new Draft({ arcs: 1, spread });
  for (const at of walked.filter(isHolder)) draft.put(0, at);
  const passedOver: number[] = [];
  const verdictOn = (at: number, further: readonly number[]): Verdict => {
    if (isHolder(at))
      return passedOver.some((node) => draft.canSwap(0, at, node)) ? 'kept' : 'holds';
    const couldSwap = further.some((holder) => isHolder(holder) && draft.canSwap(0, holder, at));
    if (!couldSwap) return 'zone taken';
    if (loadOf(at) >= (shares[at] as FairShare).quota) return 'full';
    passedOver.push(at);
    return 'passed over';
  };
  const reached = walked.slice(0, walked.findLastIndex(isHolder) + 1);
  const steps = reached.map((at, rank) => {
    const { node, zone } = ring.nodes[at] as RingNode;
    const { quota } = shares[at] as FairShare;
    return { node, zone, verdict: verdictOn(at, walked.slice(rank + 1)), load: loadOf(at), quota };
  });
  return { arc, start: arcStart(arc, arcs), end: arcStart(arc + 1, arcs), steps };
}
