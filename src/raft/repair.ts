/**
 * Damaged entries that no leader can send again, because there is none: a member that would stand
 * for election asks the others for what it lacks, and stands when it is whole.
 *
 * Safe by log matching (§5.3): one leader makes one entry of a term at an index, and no entry ever
 * changes. So an entry of the same index and term is the one that was lost, from whichever member
 * it comes, whether or not it is committed, and in whatever term the two have come to be.
 */

import { membersOf } from './configuration.ts';
import type { LogEntry, RepairRequest, RepairResponse } from './message.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { configurationOf, damageOf, note, type RaftState, refuse, to } from './state.ts';

/** Of all others, for the first run of damaged entries that are still needed. */
export function askForRepair(state: RaftState): void {
  const first = damageOf(state);
  const term = first === undefined ? undefined : state.log.termAt(first);
  if (first === undefined || term === undefined) return;
  let through = first;
  while (state.log.isDamagedAt(through + 1)) through += 1;
  note(state, 'repair-asked');
  for (const member of membersOf(configurationOf(state))) {
    if (member === state.self) continue;
    const entry = { index: first, term };
    state.outbox.send({ type: 'repair-request', ...to(state, member), entry, through });
  }
}

/** Whoever has the entry sends it, and as many behind it as are asked for and fit. */
export function answerRepair(state: RaftState, request: RepairRequest): StepResult {
  const { log, limits } = state;
  const { entry, through } = request;
  if (entry.index <= log.base.index || !log.has(entry)) return refuse('stale');
  const range = {
    from: entry.index,
    to: Math.min(through, log.lastIndex),
    bytesMax: limits.appendBytesMax,
  };
  const entries = log.read(range);
  if (entries === 'damaged') log.markDamaged(entry.index);
  // What has to be fetched first is there when it is asked for again.
  if (entries === 'damaged' || entries === 'later') return refuse('stale');
  note(state, 'repair-answered');
  state.outbox.send({ type: 'repair-response', ...to(state, request.from), entries });
  return TAKEN;
}

/** Says how many of these entries were lost here and are no more. */
export function takeRepairs(state: RaftState, { entries }: RepairResponse): number {
  let repaired = 0;
  for (const entry of entries) if (repairWith(state, entry)) repaired += 1;
  return repaired;
}

/** Puts an entry where it was lost. Only the very one: of the same index and the same term. */
export function repairWith(state: RaftState, entry: LogEntry): boolean {
  const { log, outbox } = state;
  if (!log.isDamagedAt(entry.index) || log.termAt(entry.index) !== entry.term) return false;
  note(state, 'damage-repaired');
  outbox.repairs.push(entry);
  log.markRepaired(entry.index);
  state.isHandingBlocked = false;
  return true;
}
