/** Majorities: of one set of voters, or of both during a joint change (§6). */

import type { MemberId } from '../base/ids.ts';
import { type Configuration, isJoint } from './configuration.ts';

/** The greatest number that a majority of each set has reached. 0 without voters. */
export function reachedByQuorum(
  configuration: Configuration,
  reached: (voter: MemberId) => number,
): number {
  const incoming = reachedByMajority(configuration.voters, reached);
  if (!isJoint(configuration)) return incoming;
  return Math.min(incoming, reachedByMajority(configuration.outgoing, reached));
}

type Verdict = 'won' | 'lost' | 'open';

/** The result of a ballot. A voter that has not answered counts for neither side. */
export function verdictOf(
  configuration: Configuration,
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  const incoming = verdictOfMajority(configuration.voters, votes);
  if (!isJoint(configuration)) return incoming;
  const outgoing = verdictOfMajority(configuration.outgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'open';
}

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

function reachedByMajority(
  voters: readonly MemberId[],
  reached: (voter: MemberId) => number,
): number {
  if (voters.length === 0) return 0;
  if (voters.length === 1) return reached(voters[0] as MemberId);
  const falling = voters.map(reached).sort((one, other) => other - one);
  return falling[majorityOf(voters.length) - 1] as number;
}

function verdictOfMajority(
  voters: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): Verdict {
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted += 1;
    if (vote === false) refused += 1;
  }
  if (granted >= majorityOf(voters.length)) return 'won';
  return refused > voters.length - majorityOf(voters.length) ? 'lost' : 'open';
}
