/** Handing leadership to a chosen follower (thesis §3.10). */

import type { MemberId } from '../base/ids.ts';
import { isVoter } from './configuration.ts';
import { type Core, configurationOf, type Leader, note, refuse, to } from './core.ts';
import { type Outcome, TAKEN } from './ready.ts';
import { wakeLeader } from './rounds.ts';

/** No proposal is taken until the target leads or an election timeout has passed. */
export function beginTransfer(core: Core, target: MemberId): Outcome {
  if (core.role.type !== 'leader') return refuse('not-leader');
  const leader = core.role;
  if (leader.transfer !== undefined) return refuse('leadership-moving');
  if (target === core.self || !isVoter(configurationOf(core), target)) return refuse('not-a-voter');
  wakeLeader(core, leader);
  leader.transfer = { to: target, elapsed: 0, isSent: false };
  core.hasNews = true;
  sendWhenReady(core, leader);
  return TAKEN;
}

/** The target has everything: it may campaign at once, and the lease is gone for this term. */
export function sendWhenReady(core: Core, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || transfer.isSent) return;
  if (leader.followers.get(transfer.to)?.match !== core.log.lastIndex) return;
  note(core, 'transfer-sent');
  transfer.isSent = true;
  // The message may arrive at any later time of this term, and its target then ignores leases.
  if (leader.leaseFrom !== Number.NEGATIVE_INFINITY) note(core, 'lease-revoked-by-transfer');
  leader.isLeaseRevoked = true;
  core.outbox.send({ type: 'campaign-now', ...to(core, transfer.to) });
}

export function tickTransfer(core: Core, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined) return;
  transfer.elapsed += 1;
  if (transfer.elapsed < core.timeout.ticks) return;
  note(core, 'transfer-aborted');
  leader.transfer = undefined;
}
