/** Offers the proposals of a turn to Raft: all of them, or as many as there is room for. */

import type { Position } from '../raft/position.ts';
import type { Raft } from '../raft/raft.ts';
import type { StepResult } from '../raft/ready.ts';
import type { Failure } from '../wire/response.ts';
import type { Proposal } from './proposal.ts';

interface Offered {
  readonly proposal: Proposal;
  /** The position of its entry, or why there is none. */
  readonly result: Position | Failure;
}

/** `time` is the log time that the entries will carry. */
export function offerProposals(raft: Raft, gathered: readonly Proposal[], time: number): Offered[] {
  const payloads = gathered.map(({ payload }) => payload(time));
  const propose = (some: readonly Uint8Array[]) => raft.step({ type: 'propose', payloads: some });
  const first = resultOf(propose(payloads));
  if (first === 'overloaded' && gathered.length > 1) {
    return gathered.map((proposal, at) => {
      const result = resultOf(propose(payloads.slice(at, at + 1)));
      return { proposal, result: typeof result === 'object' ? result : 'overloaded' };
    });
  }
  return gathered.map((proposal, at) => {
    const result = typeof first === 'object' ? { ...first, index: first.index + at } : first;
    return { proposal, result };
  });
}

function resultOf(outcome: StepResult): Position | 'overloaded' | 'not-leader' {
  if (outcome.type === 'taken' && outcome.position !== undefined) return outcome.position;
  const isFull = outcome.type === 'refused' && outcome.reason === 'too-much-uncommitted';
  return isFull ? 'overloaded' : 'not-leader';
}
