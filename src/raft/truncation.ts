/** Drops the head of the log, except what followers still need. */

import type { Leader, RaftState } from './state.ts';
import { note } from './state.ts';

interface Truncation {
  /** State through here is durable outside the log. */
  readonly index: number;
  /** There is no room for entries before it. */
  readonly keepFrom?: number;
}

export function truncate(state: RaftState, { index, keepFrom = 0 }: Truncation): void {
  const { log, limits } = state;
  // A snapshot will replace the state, and the log has to continue from there.
  if (state.isStateLost) return;
  const settled = Math.min(index, state.applied, log.durable);
  const { voters, outgoing, learners } = state.configurations.newest.configuration;
  // Without other members no log entry is ever requested.
  const isAlone = voters.length + outgoing.length + learners.length === 1;
  let through = Math.min(settled, state.applied - (isAlone ? 0 : limits.tailEntries));
  if (state.role.type === 'leader') through = sparedFor(state, state.role, through);
  const bound = Math.min(settled, keepFrom - 1);
  if (bound > through && bound > log.base.index) {
    note(state, 'truncated-beyond-need');
    through = bound;
  }
  // Lost content is useless, and the state that covers it is sound.
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

/** A follower that is slow or installs a snapshot must find the entries that it will ask for. */
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
