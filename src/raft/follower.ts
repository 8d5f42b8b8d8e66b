/** How a follower handles its leader's messages (§5.3). */

import { NO_MEMBER } from '../base/ids.ts';
import { contradict, isContradicted } from './contradiction.ts';
import type { AppendEntries, Heartbeat, LogEntry } from './message.ts';
import { ORIGIN } from './position.ts';
import { type StepResult, TAKEN } from './ready.ts';
import { repairWith } from './repair.ts';
import {
  commitThrough,
  cutLogFrom,
  damageOf,
  type Follower,
  note,
  type RaftState,
  sendDurably,
  sendWithTerm,
  to,
} from './state.ts';
import { campaign } from './vote.ts';

export function tickFollower(state: RaftState, follower: Follower): void {
  if (follower.isQuiet) return;
  follower.elapsed += 1;
  if (follower.elapsed < state.timeout.stretched(follower.timeout)) return;
  follower.elapsed = 0;
  follower.leader = NO_MEMBER;
  campaign(state, { isTransfer: false });
}

export function receiveAppend(state: RaftState, append: AppendEntries): StepResult {
  const { previous, entries } = append;
  if (isContradicted(state, previous)) return contradict(state, append, previous);
  if (previous.index > state.commit && !state.log.has(previous)) {
    note(state, 'append-rejected');
    sendDurably(state, {
      type: 'append-response',
      ...to(state, append.from),
      answer: 'missing',
      index: previous.index,
      hint: state.log.couldAgreeAt(previous),
      round: append.round,
    });
    return TAKEN;
  }
  const fresh = firstFresh(state, entries);
  const first = entries[fresh];
  if (first !== undefined) {
    if (first.index <= state.commit) return contradict(state, append, first);
    if (first.index <= state.log.lastIndex) cutLogFrom(state, first.index);
    take(state, fresh === 0 ? entries : entries.slice(fresh));
  } else if (entries.length > 0) note(state, 'append-already-had');
  const matched = previous.index + entries.length;
  commitThrough(state, Math.min(append.commit, matched));
  reportMatch(state, append, agreedThrough(state, matched));
  return TAKEN;
}

export function receiveHeartbeat(
  state: RaftState,
  follower: Follower,
  beat: Heartbeat,
): StepResult {
  if (beat.commit > state.log.lastIndex) {
    // Only a log that lost entries can be shorter than what its leader knows it to have.
    if (state.mayVote) note(state, 'log-found-short');
    state.mayVote = false;
    reportDamage(state, beat, state.log.lastIndex + 1);
    return TAKEN;
  }
  commitThrough(state, beat.commit);
  if (beat.isLast && fallSilent(state, follower, beat)) return TAKEN;
  sendWithTerm(state, {
    type: 'heartbeat-response',
    ...to(state, beat.from),
    round: beat.round,
    delayMilliseconds: state.timeout.ownDelay,
  });
  const damaged = damageOf(state);
  if (damaged !== undefined) reportDamage(state, beat, damaged);
  if (state.isStateLost) reportLoss(state, beat);
  return TAKEN;
}

/**
 * The leader has every entry committed behind `index` as well. But that is certain only for entries
 * of its own term, because a leader may have lost entries, and an answer must be true.
 */
export function agreedThrough({ log, commit, term }: RaftState, index: number): number {
  return log.termAt(commit) === term ? Math.max(index, commit) : index;
}

/** Reports what this log now has in common with the leader's, or what it lost. */
export function reportMatch(
  state: RaftState,
  heard: { readonly from: AppendEntries['from']; readonly round: number },
  index: number,
): void {
  const damaged = damageOf(state);
  const isDamaged = damaged !== undefined && damaged <= index;
  // The position before the damage is reported first: a leader that does not know it would probe
  // from the start of the log each time, and never reach the lost entry.
  sendDurably(state, {
    type: 'append-response',
    ...to(state, heard.from),
    answer: 'have',
    index: isDamaged ? damaged - 1 : index,
    hint: ORIGIN,
    round: heard.round,
  });
  if (isDamaged) reportDamage(state, heard, damaged);
  if (state.isStateLost) reportLoss(state, heard);
}

/** The log and its acknowledgements stay valid; the machine needs a snapshot. */
export function reportLoss(
  state: RaftState,
  heard: { readonly from: AppendEntries['from']; readonly round: number },
): void {
  sendDurably(state, {
    type: 'append-response',
    ...to(state, heard.from),
    answer: 'stateless',
    index: state.log.base.index,
    hint: ORIGIN,
    round: heard.round,
  });
}

function reportDamage(
  state: RaftState,
  heard: { readonly from: AppendEntries['from']; readonly round: number },
  index: number,
): void {
  note(state, 'damage-reported');
  sendDurably(state, {
    type: 'append-response',
    ...to(state, heard.from),
    answer: 'damaged',
    index,
    hint: ORIGIN,
    round: heard.round,
  });
}

/**
 * Skips entries that are here already: a late append must not cut off later entries (§5.3). Repairs
 * entries whose content was lost.
 */
function firstFresh(state: RaftState, entries: readonly LogEntry[]): number {
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at] as LogEntry;
    const isHere =
      entry.index > state.commit ? state.log.has(entry) : !isContradicted(state, entry);
    if (!isHere) return at;
    repairWith(state, entry);
  }
  return entries.length;
}

function take(state: RaftState, entries: readonly LogEntry[]): void {
  const { log, outbox, configurations } = state;
  outbox.unwrittenFrom = Math.min(outbox.unwrittenFrom, log.lastIndex + 1);
  log.append(entries);
  for (const entry of entries) {
    if (entry.kind !== 'configuration') continue;
    const { index, term, configuration } = entry;
    configurations.add({ at: { index, term }, configuration });
  }
}

/** Quiesces only if this replica has every entry of the leader, and all of them are committed. */
function fallSilent(state: RaftState, follower: Follower, beat: Heartbeat): boolean {
  const hasAll = state.commit === beat.commit && state.log.lastIndex === beat.commit;
  const isReceiving = (follower.incoming?.snapshot.index ?? 0) > state.commit;
  if (!hasAll || damageOf(state) !== undefined || isReceiving || state.isStateLost) {
    note(state, 'quiesce-declined');
    return false;
  }
  note(state, 'quiesced');
  follower.isQuiet = true;
  return true;
}
