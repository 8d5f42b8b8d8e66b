/** What a follower does with what its leader says (§5.3). */

import { NOBODY } from '../base/ids.ts';
import { contradict, isContradicted } from './contradiction.ts';
import {
  type Core,
  commitThrough,
  cutLogFrom,
  damageOf,
  type Follower,
  note,
  sendDurably,
  sendWithTerm,
  to,
} from './core.ts';
import type { Append, Entry, Heartbeat } from './message.ts';
import { ORIGIN } from './position.ts';
import { type Outcome, TAKEN } from './ready.ts';
import { repairWith } from './repair.ts';
import { campaign } from './vote.ts';

export function tickFollower(core: Core, follower: Follower): void {
  if (follower.isQuiet) return;
  follower.elapsed += 1;
  if (follower.elapsed < core.timeout.stretched(follower.timeout)) return;
  follower.elapsed = 0;
  follower.leader = NOBODY;
  campaign(core, { isTransfer: false });
}

export function receiveAppend(core: Core, append: Append): Outcome {
  const { previous, entries } = append;
  if (isContradicted(core, previous)) return contradict(core, append, previous);
  if (previous.index > core.commit && !core.log.has(previous)) {
    note(core, 'append-rejected');
    sendDurably(core, {
      type: 'append-response',
      ...to(core, append.from),
      answer: 'missing',
      index: previous.index,
      hint: core.log.couldAgreeAt(previous),
      round: append.round,
    });
    return TAKEN;
  }
  const fresh = firstFresh(core, entries);
  const first = entries[fresh];
  if (first !== undefined) {
    if (first.index <= core.commit) return contradict(core, append, first);
    if (first.index <= core.log.lastIndex) cutLogFrom(core, first.index);
    take(core, fresh === 0 ? entries : entries.slice(fresh));
  } else if (entries.length > 0) note(core, 'append-already-had');
  const matched = previous.index + entries.length;
  commitThrough(core, Math.min(append.commit, matched));
  reportMatch(core, append, agreedThrough(core, matched));
  return TAKEN;
}

export function receiveHeartbeat(core: Core, follower: Follower, beat: Heartbeat): Outcome {
  if (beat.commit > core.log.lastIndex) {
    // Only a log that was lost can be behind what its leader knows it to have.
    if (core.mayVote) note(core, 'log-found-short');
    core.mayVote = false;
    reportDamage(core, beat, core.log.lastIndex + 1);
    return TAKEN;
  }
  commitThrough(core, beat.commit);
  if (beat.isLast && fallSilent(core, follower, beat)) return TAKEN;
  sendWithTerm(core, {
    type: 'heartbeat-response',
    ...to(core, beat.from),
    round: beat.round,
    delayMilliseconds: core.timeout.ownDelay,
  });
  const damaged = damageOf(core);
  if (damaged !== undefined) reportDamage(core, beat, damaged);
  if (core.isStateLost) reportLoss(core, beat);
  return TAKEN;
}

/**
 * The leader has what is committed behind `index` as well; but only of what it made itself is that
 * certain where it could be a leader that lost entries, and an answer must never be more than true.
 */
export function agreedThrough({ log, commit, term }: Core, index: number): number {
  return log.termAt(commit) === term ? Math.max(index, commit) : index;
}

/** Says what this log now has in common with the leader's, or what it lost. */
export function reportMatch(
  core: Core,
  heard: { readonly from: Append['from']; readonly round: number },
  index: number,
): void {
  const damaged = damageOf(core);
  const isDamaged = damaged !== undefined && damaged <= index;
  // What stands before the damage is said first: else a leader that does not know it begins at the
  // start of the log each time, and never comes to the lost entry.
  sendDurably(core, {
    type: 'append-response',
    ...to(core, heard.from),
    answer: 'have',
    index: isDamaged ? damaged - 1 : index,
    hint: ORIGIN,
    round: heard.round,
  });
  if (isDamaged) reportDamage(core, heard, damaged);
  if (core.isStateLost) reportLoss(core, heard);
}

/** The log and its acknowledgements are worth what they were; the machine needs a snapshot. */
export function reportLoss(
  core: Core,
  heard: { readonly from: Append['from']; readonly round: number },
): void {
  sendDurably(core, {
    type: 'append-response',
    ...to(core, heard.from),
    answer: 'stateless',
    index: core.log.base.index,
    hint: ORIGIN,
    round: heard.round,
  });
}

function reportDamage(
  core: Core,
  heard: { readonly from: Append['from']; readonly round: number },
  index: number,
): void {
  note(core, 'damage-reported');
  sendDurably(core, {
    type: 'append-response',
    ...to(core, heard.from),
    answer: 'damaged',
    index,
    hint: ORIGIN,
    round: heard.round,
  });
}

/**
 * Skips what is here already: a late append must not cut off what came after it (§5.3). On the way
 * it repairs entries whose content was lost.
 */
function firstFresh(core: Core, entries: readonly Entry[]): number {
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at] as Entry;
    const isHere = entry.index > core.commit ? core.log.has(entry) : !isContradicted(core, entry);
    if (!isHere) return at;
    repairWith(core, entry);
  }
  return entries.length;
}

function take(core: Core, entries: readonly Entry[]): void {
  const { log, outbox, configurations } = core;
  outbox.unwrittenFrom = Math.min(outbox.unwrittenFrom, log.lastIndex + 1);
  log.append(entries);
  for (const entry of entries) {
    if (entry.kind !== 'configuration') continue;
    const { index, term, configuration } = entry;
    configurations.add({ at: { index, term }, configuration });
  }
}

/** Silence only if this replica has everything the leader has, and everything of it committed. */
function fallSilent(core: Core, follower: Follower, beat: Heartbeat): boolean {
  const hasAll = core.commit === beat.commit && core.log.lastIndex === beat.commit;
  const isReceiving = (follower.incoming?.snapshot.index ?? 0) > core.commit;
  if (!hasAll || damageOf(core) !== undefined || isReceiving || core.isStateLost) {
    note(core, 'quiesce-declined');
    return false;
  }
  note(core, 'quiesced');
  follower.isQuiet = true;
  return true;
}
