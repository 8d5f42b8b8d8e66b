/** Transfers leadership to a chosen follower (thesis §3.10). */

import type { MemberId } from '../base/ids.ts';
import { isVoter } from './configuration.ts';
import { wakeLeader } from './heartbeats.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { configurationOf, type Leader, note, type RaftState, refuse, to } from './state.ts';

/** Proposals are refused until the target leads or an election timeout has passed. */
export function beginTransfer(state: RaftState, target: MemberId): StepResult {
  if (state.role.type !== 'leader') return refuse('not-leader');
  const leader = state.role;
  if (leader.transfer !== undefined) return refuse('leadership-moving');
  if (target === state.self || !isVoter(configurationOf(state), target))
    return refuse('not-a-voter');
  wakeLeader(state, leader);
  leader.transfer = { to: target, elapsed: 0, isSent: false };
  state.hasNews = true;
  sendWhenReady(state, leader);
  return TAKEN;
}

/** The target has everything: it may campaign at once, and the lease ends for this term. */
export function sendWhenReady(state: RaftState, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || transfer.isSent) return;
  if (leader.followers.get(transfer.to)?.match !== state.log.lastIndex) return;
  note(state, 'transfer-sent');
  transfer.isSent = true;
  // The message may arrive at any later time of this term, and its target then ignores leases.
  if (leader.leaseFrom !== Number.NEGATIVE_INFINITY) note(state, 'lease-revoked-by-transfer');
  leader.isLeaseRevoked = true;
  state.outbox.send({ type: 'campaign-now', ...to(state, transfer.to) });
}

export function tickTransfer(state: RaftState, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined) return;
  transfer.elapsed += 1;
  if (transfer.elapsed < state.timeout.ticks) return;
  note(state, 'transfer-aborted');
  leader.transfer = undefined;
}
