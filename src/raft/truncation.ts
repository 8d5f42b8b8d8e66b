/** Forgetting the head of the log, with regard for those who still need it. */

import type { Leader, RaftState } from './state.ts';
import { note } from './state.ts';

interface Truncation {
  /** State through here is durable elsewhere. */
  readonly index: number;
  /** There is no room for what stands before it. */
  readonly keepFrom?: number;
}

export function truncate(state: RaftState, { index, keepFrom = 0 }: Truncation): void {
  const { log, limits } = state;
  // A snapshot will take the place of the state, and the log has to go on from there.
  if (state.isStateLost) return;
  const settled = Math.min(index, state.applied, log.durable);
  const { voters, outgoing, learners } = state.configurations.newest.configuration;
  // Without others no log is asked for by anyone.
  const isAlone = voters.length + outgoing.length + learners.length === 1;
  let through = Math.min(settled, state.applied - (isAlone ? 0 : limits.tailEntries));
  if (state.role.type === 'leader') through = sparedFor(state, state.role, through);
  const bound = Math.min(settled, keepFrom - 1);
  if (bound > through && bound > log.base.index) {
    note(state, 'truncated-beyond-need');
    through = bound;
  }
  // Content that is lost here helps nobody, and the state that covers it is sound.
  const damaged = log.hasDamage ? log.lastDamagedThrough(settled) : undefined;
  if (damaged !== undefined) {
    note(state, 'damage-cut-away');
    through = Math.max(through, damaged);
  }
  if (through <= log.base.index) return;
  note(state, 'truncated');
  log.cutThrough(through);
  state.configurations.forgetBefore(through);
  state.outbox.truncated = through;
}

/** A follower that is slow or installs a snapshot must find the log where it will ask for it. */
function sparedFor(state: RaftState, leader: Leader, wanted: number): number {
  let through = wanted;
  for (const progress of leader.followers.values()) {
    const { transfer, match } = progress;
    if (transfer === undefined && !progress.isActive(state.ticks)) continue;
    const isTooFar = state.log.lastIndex - match > state.limits.slowFollowerEntriesMax;
    const needed = transfer !== undefined ? transfer.snapshot.index : isTooFar ? through : match;
    if (needed < through) {
      note(state, 'truncation-waited');
      through = needed;
    }
  }
  return through;
}
