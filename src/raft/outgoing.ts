/** Sending a snapshot: the follower needs what the log has forgotten (§7). */

import { type Core, note, to } from './core.ts';
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
  const bytesMax = core.limits.chunkBytesMax;
  while (!transfer.isAllSent && transfer.sent - transfer.offset < transfer.windowBytes) {
    const offset = transfer.sent;
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
    transfer.sent += piece.data.length;
    transfer.isAllSent = piece.isLast;
    if (transfer.waitTicks === 0) wait(core, transfer);
  }
}

/** The follower has everything before this byte, or has lost what it had behind it. */
export function learnOffset(core: Core, transfer: Transfer, offset: number): void {
  const { chunkBytesMax, chunkWindowBytesMax } = core.limits;
  const isFurther = offset > transfer.offset;
  transfer.offset = offset;
  transfer.attempts = 0;
  transfer.waitTicks = 0;
  if (!isFurther) return rewind(core, transfer);
  transfer.windowBytes = Math.min(transfer.windowBytes + chunkBytesMax, chunkWindowBytesMax);
  // An answer that comes after the wait was over may be to what is to be sent again.
  transfer.sent = Math.max(transfer.sent, offset);
  if (transfer.sent > offset) wait(core, transfer);
}

/** What is on its way was lost, or is late: it is sent again, one chunk at first. */
export function rewind(core: Core, transfer: Transfer): void {
  transfer.sent = transfer.offset;
  transfer.isAllSent = false;
  transfer.windowBytes = core.limits.chunkBytesMax;
  transfer.waitTicks = 0;
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

/** A slow link must not be buried under repetitions: each one waits twice as long. */
function wait(core: Core, transfer: Transfer): void {
  const { electionTicksMin, chunkRetryDoublingsMax } = core.limits;
  transfer.waitTicks = electionTicksMin << Math.min(transfer.attempts, chunkRetryDoublingsMax);
  transfer.attempts += 1;
}
