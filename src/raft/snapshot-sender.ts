/** Sends a snapshot: the log has dropped entries that the follower needs (§7). */

import { DELAYS_PER_TIMEOUT } from './election-timeout.ts';
import type { Progress, Transfer } from './progress.ts';
import { note, type RaftState, to } from './state.ts';

/**
 * Chunks leave as answers arrive and as the reader has data, within a window of bytes that grows
 * with each answer. Heartbeats do not matter here.
 */
export function sendChunks(state: RaftState, progress: Progress): void {
  if (progress.transfer === undefined) begin(state, progress);
  const { transfer } = progress;
  if (transfer === undefined) return;
  const { snapshot } = transfer;
  const { chunkBytesMax, fullLinkBytesMax } = state.limits;
  while (!transfer.isAllSent && transfer.sent - transfer.offset < transfer.windowBytes) {
    const offset = transfer.sent;
    const room = state.links.room(progress.member, 'chunk');
    if (room === 0 && offset > transfer.offset) {
      note(state, 'link-full');
      return;
    }
    const bytesMax = Math.min(chunkBytesMax, Math.max(room, fullLinkBytesMax));
    const piece = state.snapshots.read({ index: snapshot.index, offset, bytesMax });
    if (piece === 'later') return;
    if (piece === 'gone') return beginAnew(state, progress);
    state.outbox.send({
      type: 'snapshot-chunk',
      ...to(state, progress.member),
      snapshot,
      offset,
      data: piece.data,
      isLast: piece.isLast,
      round: state.role.type === 'leader' ? state.role.round : 0,
    });
    state.links.taken(progress.member, 'chunk', piece.data.length);
    transfer.sent += piece.data.length;
    transfer.isAllSent = piece.isLast;
    if (transfer.waitTicks === 0) wait(state, transfer, { isLinkFull: room === 0 });
  }
}

/** The follower has everything before this byte, or has lost everything behind it. */
export function learnOffset(
  state: RaftState,
  transfer: Transfer,
  { offset, isLinkFull }: { readonly offset: number; readonly isLinkFull: boolean },
): void {
  const { chunkBytesMax, chunkWindowBytesMax } = state.limits;
  const isFurther = offset > transfer.offset;
  // Including repeated chunks: an answer to either is late then, which makes the wait longer, not
  // shorter.
  if (isFurther) transfer.answerTicks = Math.max(state.ticks - transfer.askedAt, fade(transfer));
  transfer.offset = offset;
  transfer.attempts = 0;
  transfer.waitTicks = 0;
  if (!isFurther) return rewind(state, transfer);
  transfer.windowBytes = Math.min(transfer.windowBytes + chunkBytesMax, chunkWindowBytesMax);
  // A late answer may acknowledge bytes that are queued for repetition.
  transfer.sent = Math.max(transfer.sent, offset);
  if (transfer.sent > offset) wait(state, transfer, { isLinkFull });
}

/** Chunks in flight were lost, or are late: they are sent again, one chunk at first. */
export function rewind(state: RaftState, transfer: Transfer): void {
  transfer.sent = transfer.offset;
  transfer.isAllSent = false;
  transfer.windowBytes = state.limits.chunkBytesMax;
  transfer.waitTicks = 0;
}

/** One fast answer does not make a link fast. */
function fade({ answerTicks }: Transfer): number {
  return Math.floor((answerTicks * 7) / 8);
}

export function tickTransferTo(state: RaftState, { transfer }: Progress): void {
  if (transfer === undefined || transfer.waitTicks === 0) return;
  transfer.waitTicks -= 1;
  if (transfer.waitTicks > 0) return;
  rewind(state, transfer);
  state.hasNews = true;
}

/** The snapshot reader may have data for the followers that need a snapshot. */
export function resumeTransfers(state: RaftState): void {
  if (state.role.type !== 'leader') return;
  for (const progress of state.role.followers.values()) {
    if (progress.state === 'snapshot') state.hasNews = true;
  }
}

/** A snapshot that is not sent to any follower any more frees a place for another shard's. */
export function releaseSnapshots(state: RaftState): void {
  if (state.openSnapshots.size === 0) return;
  const wanted = new Set<number>();
  if (state.role.type === 'leader') {
    for (const { transfer } of state.role.followers.values()) {
      if (transfer !== undefined) wanted.add(transfer.snapshot.index);
    }
  }
  for (const index of state.openSnapshots) {
    if (wanted.has(index)) continue;
    state.openSnapshots.delete(index);
    state.snapshots.release(index);
  }
}

function beginAnew(state: RaftState, progress: Progress): void {
  progress.transfer = undefined;
  begin(state, progress);
  const { transfer } = progress as { transfer: Transfer | undefined };
  if (transfer === undefined) return;
  note(state, 'snapshot-superseded');
  // At the next tick: a reader that loses what it opened must not block the turn.
  transfer.waitTicks = 1;
}

/**
 * Starts with a snapshot from which the log continues, if the follower is heard and there is room.
 */
function begin(state: RaftState, progress: Progress): void {
  if (!progress.isActive(state.ticks) || state.isStateLost) return;
  const from = Math.max(state.log.base.index, progress.next);
  const snapshot = state.snapshots.open(from);
  if (snapshot === undefined || snapshot === 'later') return;
  note(state, 'snapshot-begun');
  state.openSnapshots.add(snapshot.index);
  progress.beginTransfer(snapshot);
}

/**
 * A slow link must not be flooded by repetitions. The first wait follows the election timeout and
 * the round trip, and each further one is twice as long, up to the longest. Where the link is full,
 * the first one is the longest at once.
 */
function wait(
  state: RaftState,
  transfer: Transfer,
  { isLinkFull }: { readonly isLinkFull: boolean },
): void {
  const { electionTicksMin, chunkRetryDoublingsMax: doublingsMax } = state.limits;
  const longest = electionTicksMin << doublingsMax;
  const first = Math.max(state.timeout.ticks, DELAYS_PER_TIMEOUT * transfer.answerTicks);
  const wanted = first << Math.min(transfer.attempts, doublingsMax);
  if (transfer.attempts === 0) transfer.askedAt = state.ticks;
  transfer.waitTicks = isLinkFull ? longest : Math.min(wanted, longest);
  transfer.attempts += 1;
}
