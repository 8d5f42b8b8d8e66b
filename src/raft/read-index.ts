/** Linearizable reads: by ReadIndex (thesis §6.4), and by lease (thesis §6.4.1). */

import { type StepResult, TAKEN } from './ready.ts';
import { type Leader, note, type RaftState, refuse, type WaitingRead } from './state.ts';

/** Queued until a quorum has answered a round that leaves after this moment. */
export function queueRead(state: RaftState, leader: Leader, id: number): StepResult {
  if (leader.reads.length >= state.limits.readsMax) return refuse('too-many-reads');
  const isOpen = state.commit >= leader.firstOwnIndex;
  if (!isOpen) note(state, 'read-waited-for-own-term');
  leader.reads.push({ id, index: isOpen ? state.commit : undefined, round: undefined });
  state.hasNews = true;
  return TAKEN;
}

/**
 * A lease is the promise of a quorum not to elect another member within `leaseMilliseconds` after
 * the round that it answered, by its clocks, which run at most `clockDriftMax` as fast. Election
 * timeouts differ between members and change; the promised minimum is the same constant on all of
 * them.
 */
export function readByLease(state: RaftState, now: number): StepResult {
  if (state.role.type !== 'leader') return refuse('not-leader');
  const { role: leader, limits } = state;
  if (state.commit < leader.firstOwnIndex) return refuse('no-own-term-commit');
  const until = leader.leaseFrom + limits.leaseMilliseconds / limits.clockDriftMax;
  if (leader.isLeaseRevoked || now >= until) {
    note(state, 'lease-read-expired');
    return refuse('no-lease');
  }
  note(state, 'lease-read-granted');
  return { type: 'taken', position: { index: state.commit, term: state.term } };
}

/** Names the next round for the reads that wait for one. Returns whether there are any. */
export function takeRound(state: RaftState, leader: Leader): boolean {
  const isOpen = state.commit >= leader.firstOwnIndex;
  if (!isOpen) return false;
  const waiting = leader.reads.filter((read) => read.round === undefined);
  if (waiting.length === 0) return false;
  if (waiting.length > 1) note(state, 'read-round-shared');
  for (const read of waiting) {
    read.index ??= state.commit;
    read.round = leader.round + 1;
  }
  return true;
}

/** A quorum answered all rounds through this one. */
export function grantReads(state: RaftState, leader: Leader, confirmed: number): void {
  if (leader.reads.length === 0) return;
  const waiting: WaitingRead[] = [];
  for (const read of leader.reads) {
    if (read.round === undefined || read.index === undefined || read.round > confirmed) {
      waiting.push(read);
    } else state.outbox.reads.push({ type: 'granted', id: read.id, index: read.index });
  }
  leader.reads = waiting;
}
