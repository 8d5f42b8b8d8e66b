/** Forgetting the head of the log, with regard for those who still need it. */

import type { Core, Leader } from './core.ts';
import { note } from './core.ts';

interface Truncation {
  /** State through here is durable elsewhere. */
  readonly index: number;
  /** There is no room for what stands before it. */
  readonly keepFrom?: number;
}

export function truncate(core: Core, { index, keepFrom = 0 }: Truncation): void {
  const { log, limits } = core;
  // A snapshot will take the place of the state, and the log has to go on from there.
  if (core.isStateLost) return;
  const settled = Math.min(index, core.applied, log.durable);
  const { voters, outgoing, learners } = core.configurations.newest.configuration;
  // Without others no log is asked for by anyone.
  const isAlone = voters.length + outgoing.length + learners.length === 1;
  let through = Math.min(settled, core.applied - (isAlone ? 0 : limits.tailEntries));
  if (core.role.type === 'leader') through = sparedFor(core, core.role, through);
  const bound = Math.min(settled, keepFrom - 1);
  if (bound > through && bound > log.base.index) {
    note(core, 'truncated-beyond-need');
    through = bound;
  }
  // Content that is lost here helps nobody, and the state that covers it is sound.
  const damaged = log.hasDamage ? log.lastDamagedThrough(settled) : undefined;
  if (damaged !== undefined) {
    note(core, 'damage-cut-away');
    through = Math.max(through, damaged);
  }
  if (through <= log.base.index) return;
  note(core, 'truncated');
  log.cutThrough(through);
  core.configurations.forgetBefore(through);
  core.outbox.truncated = through;
}

/** A follower that is slow or installs a snapshot must find the log where it will ask for it. */
function sparedFor(core: Core, leader: Leader, wanted: number): number {
  let through = wanted;
  for (const progress of leader.followers.values()) {
    const { transfer, match } = progress;
    if (transfer === undefined && !progress.isActive(core.ticks)) continue;
    const isTooFar = core.log.lastIndex - match > core.limits.slowFollowerEntriesMax;
    const needed = transfer !== undefined ? transfer.snapshot.index : isTooFar ? through : match;
    if (needed < through) {
      note(core, 'truncation-waited');
      through = needed;
    }
  }
  return through;
}
