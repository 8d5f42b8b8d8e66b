/** Sending a snapshot: the follower needs what the log has forgotten (§7). */

import { type Core, note, to } from './core.ts';
import { DELAYS_PER_TIMEOUT } from './election-timeout.ts';
import type { Progress, Transfer } from './progress.ts';

/**
 * Chunks leave as answers come and as the reader has more, within a window of bytes that grows with
 * each answer. Heartbeats play no part in it.
 */
export function sendChunks(core: Core, progress: Progress): void {
  if (progress.transfer === undefined) begin(core, progress);
  const { transfer } = progress;
  if (transfer === undefined) return;
  const { snapshot } = transfer;
  const { chunkBytesMax, fullLinkBytesMax } = core.limits;
  while (!transfer.isAllSent && transfer.sent - transfer.offset < transfer.windowBytes) {
    const offset = transfer.sent;
    const room = core.links.room(progress.member, 'chunk');
    if (room === 0 && offset > transfer.offset) {
      note(core, 'link-full');
      return;
    }
    const bytesMax = Math.min(chunkBytesMax, Math.max(room, fullLinkBytesMax));
    const piece = core.snapshots.read({ index: snapshot.index, offset, bytesMax });
    if (piece === 'later') return;
    if (piece === 'gone') return beginAnew(core, progress);
    core.outbox.send({
      type: 'snapshot-chunk',
      ...to(core, progress.member),
      snapshot,
      offset,
      data: piece.data,
      isLast: piece.isLast,
      round: core.role.type === 'leader' ? core.role.round : 0,
    });
    core.links.taken(progress.member, 'chunk', piece.data.length);
    transfer.sent += piece.data.length;
    transfer.isAllSent = piece.isLast;
    if (transfer.waitTicks === 0) wait(core, transfer, { isLinkFull: room === 0 });
  }
}

/** The follower has everything before this byte, or has lost what it had behind it. */
export function learnOffset(
  core: Core,
  transfer: Transfer,
  { offset, isLinkFull }: { readonly offset: number; readonly isLinkFull: boolean },
): void {
  const { chunkBytesMax, chunkWindowBytesMax } = core.limits;
  const isFurther = offset > transfer.offset;
  // With what was sent again: by then an answer to either is late, and the wait errs on that side.
  if (isFurther) transfer.answerTicks = Math.max(core.ticks - transfer.askedAt, fade(transfer));
  transfer.offset = offset;
  transfer.attempts = 0;
  transfer.waitTicks = 0;
  if (!isFurther) return rewind(core, transfer);
  transfer.windowBytes = Math.min(transfer.windowBytes + chunkBytesMax, chunkWindowBytesMax);
  // An answer that comes after the wait was over may be to what is to be sent again.
  transfer.sent = Math.max(transfer.sent, offset);
  if (transfer.sent > offset) wait(core, transfer, { isLinkFull });
}

/** What is on its way was lost, or is late: it is sent again, one chunk at first. */
export function rewind(core: Core, transfer: Transfer): void {
  transfer.sent = transfer.offset;
  transfer.isAllSent = false;
  transfer.windowBytes = core.limits.chunkBytesMax;
  transfer.waitTicks = 0;
}

/** One fast answer does not make a link fast. */
function fade({ answerTicks }: Transfer): number {
  return Math.floor((answerTicks * 7) / 8);
}

export function tickTransferTo(core: Core, { transfer }: Progress): void {
  if (transfer === undefined || transfer.waitTicks === 0) return;
  transfer.waitTicks -= 1;
  if (transfer.waitTicks > 0) return;
  rewind(core, transfer);
  core.hasNews = true;
}

/** The snapshot reader may have more for the followers that need a snapshot. */
export function resumeTransfers(core: Core): void {
  if (core.role.type !== 'leader') return;
  for (const { state } of core.role.followers.values()) {
    if (state === 'snapshot') core.hasNews = true;
  }
}

/** A snapshot that no follower is sent any more makes room for another shard's. */
export function releaseSnapshots(core: Core): void {
  if (core.openSnapshots.size === 0) return;
  const wanted = new Set<number>();
  if (core.role.type === 'leader') {
    for (const { transfer } of core.role.followers.values()) {
      if (transfer !== undefined) wanted.add(transfer.snapshot.index);
    }
  }
  for (const index of core.openSnapshots) {
    if (wanted.has(index)) continue;
    core.openSnapshots.delete(index);
    core.snapshots.release(index);
  }
}

function beginAnew(core: Core, progress: Progress): void {
  progress.transfer = undefined;
  begin(core, progress);
  const { transfer } = progress as { transfer: Transfer | undefined };
  if (transfer === undefined) return;
  note(core, 'snapshot-superseded');
  // With the next tick: a reader that goes on losing what it opened must not hold the turn.
  transfer.waitTicks = 1;
}

/** One from where the log goes on, if the follower is there to take it and there is room. */
function begin(core: Core, progress: Progress): void {
  if (!progress.isActive(core.ticks) || core.isStateLost) return;
  const from = Math.max(core.log.base.index, progress.next);
  const snapshot = core.snapshots.open(from);
  if (snapshot === undefined || snapshot === 'later') return;
  note(core, 'snapshot-begun');
  core.openSnapshots.add(snapshot.index);
  progress.beginTransfer(snapshot);
}

/**
 * A slow link must not be buried under repetitions. The first wait follows the election timeout and
 * the time that answers took, and each further one is twice as long, up to the longest. Where the
 * link is full, the first one is the longest at once.
 */
function wait(
  core: Core,
  transfer: Transfer,
  { isLinkFull }: { readonly isLinkFull: boolean },
): void {
  const { electionTicksMin, chunkRetryDoublingsMax: doublingsMax } = core.limits;
  const longest = electionTicksMin << doublingsMax;
  const first = Math.max(core.timeout.ticks, DELAYS_PER_TIMEOUT * transfer.answerTicks);
  const wanted = first << Math.min(transfer.attempts, doublingsMax);
  if (transfer.attempts === 0) transfer.askedAt = core.ticks;
  transfer.waitTicks = isLinkFull ? longest : Math.min(wanted, longest);
  transfer.attempts += 1;
}
