/** Receiving a snapshot: chunks in order, a check by the driver, then the log begins anew (§7). */

import { contradict, isContradicted } from './contradiction.ts';
import {
  type Core,
  commitThrough,
  damageOf,
  type Follower,
  note,
  refuse,
  sendWithTerm,
  to,
} from './core.ts';
import { agreedThrough, reportLoss, reportMatch } from './follower.ts';
import type { SnapshotChunk, SnapshotDescription } from './message.ts';
import { type Outcome, TAKEN } from './ready.ts';

export function receiveChunk(core: Core, follower: Follower, chunk: SnapshotChunk): Outcome {
  const { snapshot } = chunk;
  if (isContradicted(core, snapshot)) return contradict(core, chunk, snapshot);
  if (core.isStateLost && snapshot.index < core.log.base.index) {
    // Behind it the log has a gap, and nothing would go on from there.
    reportLoss(core, chunk);
    return TAKEN;
  }
  if (isCovered(core, snapshot)) {
    note(core, 'snapshot-already-covered');
    commitThrough(core, snapshot.index);
    follower.incoming = undefined;
    reportMatch(core, chunk, agreedThrough(core, snapshot.index));
    return TAKEN;
  }
  const incoming = continueWith(core, follower, chunk);
  if (incoming.snapshot.index > snapshot.index) return refuse('stale');
  if (incoming.isComplete) return TAKEN;
  if (chunk.offset === incoming.offset) {
    const { offset, data, isLast } = chunk;
    core.outbox.chunks.push({ snapshot, offset, data, isLast });
    incoming.offset += data.length;
    incoming.isComplete = isLast;
    if (isLast) return TAKEN;
  } else note(core, 'snapshot-chunk-out-of-place');
  sendWithTerm(core, {
    type: 'snapshot-response',
    ...to(core, chunk.from),
    answer: 'next',
    index: snapshot.index,
    offset: incoming.offset,
    round: chunk.round,
  });
  return TAKEN;
}

/** The driver assembled the chunks and compared the content with what it should be. */
export function finishSnapshot(
  core: Core,
  check: { readonly index: number; readonly isSound: boolean },
): Outcome {
  if (core.role.type !== 'follower') return refuse('stale');
  const { incoming, leader } = core.role;
  if (incoming === undefined || !incoming.isComplete) return refuse('stale');
  if (incoming.snapshot.index !== check.index) return refuse('stale');
  core.role.incoming = undefined;
  // A leader before the present one may have sent it: what it contradicts is not given up for it.
  if (!check.isSound || isContradicted(core, incoming.snapshot)) {
    note(core, 'snapshot-refused');
    const { index } = incoming.snapshot;
    if (leader !== incoming.from) return TAKEN;
    const address = { ...to(core, leader), index, offset: 0, round: 0 };
    sendWithTerm(core, { type: 'snapshot-response', answer: 'refused', ...address });
    return TAKEN;
  }
  // Meanwhile the log may have come to hold all that the snapshot tells.
  if (!isCovered(core, incoming.snapshot)) install(core, incoming.snapshot);
  if (leader === incoming.from) {
    reportMatch(core, { from: leader, round: 0 }, incoming.snapshot.index);
  }
  return TAKEN;
}

/** The log has the snapshot's end, and nothing of it is lost that the machine still needs. */
function isCovered(core: Core, snapshot: SnapshotDescription): boolean {
  if (core.isStateLost) return false;
  const damaged = damageOf(core);
  if (damaged !== undefined && damaged <= snapshot.index) return false;
  return snapshot.index <= core.commit || core.log.has(snapshot);
}

/** The same transfer goes on; anything else begins from nothing. */
function continueWith(core: Core, follower: Follower, chunk: SnapshotChunk) {
  const present = follower.incoming;
  if (
    present !== undefined &&
    present.from === chunk.from &&
    present.term === chunk.term &&
    present.snapshot.index >= chunk.snapshot.index
  ) {
    return present;
  }
  if (present !== undefined) note(core, 'snapshot-superseded');
  const { snapshot, from, term } = chunk;
  follower.incoming = { snapshot, from, term, offset: 0, isComplete: false };
  return follower.incoming;
}

/**
 * The machine's state is replaced and the log's head goes. What is behind the snapshot stays if
 * the log has its end, for it may have been acknowledged; otherwise nothing of the log is known to
 * belong (§7, figure 13).
 */
function install(core: Core, snapshot: SnapshotDescription): void {
  note(core, 'snapshot-installed');
  const { outbox, log, configurations } = core;
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
  core.commit = Math.max(core.commit, snapshot.index);
  core.handed = snapshot.index;
  core.applied = snapshot.index;
  core.isStateLost = false;
  core.isHandingBlocked = false;
}
