/** Receives a snapshot: chunks in order, verification by the driver, then the log restarts (§7). */

import { contradict, isContradicted } from './contradiction.ts';
import { agreedThrough, reportLoss, reportMatch } from './follower.ts';
import type { SnapshotChunk, SnapshotDescription } from './message.ts';
import { type StepResult, TAKEN } from './ready.ts';
import {
  commitThrough,
  damageOf,
  type Follower,
  note,
  type RaftState,
  refuse,
  sendWithTerm,
  to,
} from './state.ts';

export function receiveChunk(
  state: RaftState,
  follower: Follower,
  chunk: SnapshotChunk,
): StepResult {
  const { snapshot } = chunk;
  if (isContradicted(state, snapshot)) return contradict(state, chunk, snapshot);
  if (state.isStateLost && snapshot.index < state.log.base.index) {
    // The log has a gap behind it, so later entries could not be applied.
    reportLoss(state, chunk);
    return TAKEN;
  }
  if (isCovered(state, snapshot)) {
    note(state, 'snapshot-already-covered');
    commitThrough(state, snapshot.index);
    follower.incoming = undefined;
    reportMatch(state, chunk, agreedThrough(state, snapshot.index));
    return TAKEN;
  }
  const incoming = continueWith(state, follower, chunk);
  if (incoming.snapshot.index > snapshot.index) return refuse('stale');
  if (incoming.isComplete) return TAKEN;
  if (chunk.offset === incoming.offset) {
    const { offset, data, isLast } = chunk;
    state.outbox.chunks.push({ snapshot, offset, data, isLast });
    incoming.offset += data.length;
    incoming.isComplete = isLast;
    if (isLast) return TAKEN;
  } else note(state, 'snapshot-chunk-out-of-place');
  sendWithTerm(state, {
    type: 'snapshot-response',
    ...to(state, chunk.from),
    answer: 'next',
    index: snapshot.index,
    offset: incoming.offset,
    round: chunk.round,
  });
  return TAKEN;
}

/** The driver assembled the chunks and verified their content. */
export function finishSnapshot(
  state: RaftState,
  check: { readonly index: number; readonly isSound: boolean },
): StepResult {
  if (state.role.type !== 'follower') return refuse('stale');
  const { incoming, leader } = state.role;
  if (incoming === undefined || !incoming.isComplete) return refuse('stale');
  if (incoming.snapshot.index !== check.index) return refuse('stale');
  state.role.incoming = undefined;
  // An earlier leader may have sent it: committed entries that contradict it are kept.
  if (!check.isSound || isContradicted(state, incoming.snapshot)) {
    note(state, 'snapshot-refused');
    const { index } = incoming.snapshot;
    if (leader !== incoming.from) return TAKEN;
    const address = { ...to(state, leader), index, offset: 0, round: 0 };
    sendWithTerm(state, { type: 'snapshot-response', answer: 'refused', ...address });
    return TAKEN;
  }
  // Meanwhile the log may have received everything that the snapshot contains.
  if (!isCovered(state, incoming.snapshot)) install(state, incoming.snapshot);
  if (leader === incoming.from) {
    reportMatch(state, { from: leader, round: 0 }, incoming.snapshot.index);
  }
  return TAKEN;
}

/** The log has the snapshot's end, and no entry is lost that the machine still needs. */
function isCovered(state: RaftState, snapshot: SnapshotDescription): boolean {
  if (state.isStateLost) return false;
  const damaged = damageOf(state);
  if (damaged !== undefined && damaged <= snapshot.index) return false;
  return snapshot.index <= state.commit || state.log.has(snapshot);
}

/** Continues the same transfer; any other snapshot starts from nothing. */
function continueWith(state: RaftState, follower: Follower, chunk: SnapshotChunk) {
  const present = follower.incoming;
  if (
    present !== undefined &&
    present.from === chunk.from &&
    present.term === chunk.term &&
    present.snapshot.index >= chunk.snapshot.index
  ) {
    return present;
  }
  if (present !== undefined) note(state, 'snapshot-superseded');
  const { snapshot, from, term } = chunk;
  follower.incoming = { snapshot, from, term, offset: 0, isComplete: false };
  return follower.incoming;
}

/**
 * Replaces the machine's state and the head of the log. Entries behind the snapshot stay if the log
 * has its end, because they may have been acknowledged; otherwise no entry of the log is known to
 * be valid (§7, figure 13).
 */
function install(state: RaftState, snapshot: SnapshotDescription): void {
  note(state, 'snapshot-installed');
  const { outbox, log, configurations } = state;
  outbox.snapshot = snapshot;
  if (log.has(snapshot)) {
    log.cutThroughSnapshot(snapshot);
    configurations.forgetBefore(snapshot.index);
    outbox.unwrittenFrom = Math.max(outbox.unwrittenFrom, snapshot.index + 1);
    outbox.repairs = outbox.repairs.filter((entry) => entry.index > snapshot.index);
  } else {
    log.restart(snapshot);
    configurations.restart({ at: snapshot.configurationAt, configuration: snapshot.configuration });
    outbox.overwriteFrom(snapshot.index + 1);
    outbox.unwrittenFrom = Number.POSITIVE_INFINITY;
    outbox.repairs = [];
  }
  state.commit = Math.max(state.commit, snapshot.index);
  state.handed = snapshot.index;
  state.applied = snapshot.index;
  state.isStateLost = false;
  state.isHandingBlocked = false;
}
