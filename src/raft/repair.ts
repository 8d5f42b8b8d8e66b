/**
 * Repairs damaged entries while there is no leader: a member that would campaign asks the others
 * for the entries it lacks, and campaigns when it has them.
 *
 * Safe by log matching (§5.3): one leader makes one entry of a term at an index, and no entry ever
 * changes. So an entry of the same index and term is the lost one, whichever member sends it,
 * whether or not it is committed, and whatever terms the two members are in.
 */

import { membersOf } from './configuration.ts';
import type { LogEntry, RepairRequest, RepairResponse } from './message.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { configurationOf, damageOf, note, type RaftState, refuse, to } from './state.ts';

/** Asks all others, for the first run of damaged entries that are still needed. */
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

/** Sends the entry if it is here, and as many later ones as are asked for and fit. */
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
  // An entry that has to be fetched first is there at the next request.
  if (entries === 'damaged' || entries === 'later') return refuse('stale');
  note(state, 'repair-answered');
  state.outbox.send({ type: 'repair-response', ...to(state, request.from), entries });
  return TAKEN;
}

/** Returns how many lost entries were repaired. */
export function takeRepairs(state: RaftState, { entries }: RepairResponse): number {
  let repaired = 0;
  for (const entry of entries) if (repairWith(state, entry)) repaired += 1;
  return repaired;
}

/** Restores a lost entry: only one of the same index and the same term. */
export function repairWith(state: RaftState, entry: LogEntry): boolean {
  const { log, outbox } = state;
  if (!log.isDamagedAt(entry.index) || log.termAt(entry.index) !== entry.term) return false;
  note(state, 'damage-repaired');
  outbox.repairs.push(entry);
  log.markRepaired(entry.index);
  state.isHandingBlocked = false;
  return true;
}
