/** Sending a snapshot: the follower needs what the log has forgotten (§7). */

import { type Core, note, to } from './core.ts';
import type { Progress, Transfer } from './progress.ts';

/** One chunk is on its way at a time; the answer to it asks for the next. */
export function sendChunks(core: Core, progress: Progress): void {
  if (progress.transfer === undefined) begin(core, progress);
  const { transfer } = progress;
  if (transfer === undefined || transfer.waitTicks > 0) return;
  const { snapshot, offset } = transfer;
  const bytesMax = core.limits.chunkBytesMax;
  const piece = core.snapshots.read({ index: snapshot.index, offset, bytesMax });
  if (piece === 'later') return;
  if (piece === 'gone') {
    progress.transfer = undefined;
    begin(core, progress);
    if (progress.transfer !== undefined) note(core, 'snapshot-superseded');
    return;
  }
  core.outbox.send({
    type: 'snapshot-chunk',
    ...to(core, progress.member),
    snapshot,
    offset,
    data: piece.data,
    isLast: piece.isLast,
    round: core.role.type === 'leader' ? core.role.round : 0,
  });
  wait(core, transfer);
}

/** The newest snapshot, if the log goes on from there and the follower is there to take it. */
function begin(core: Core, progress: Progress): void {
  if (!progress.isActive(core.ticks)) return;
  const newest = core.snapshots.newest();
  if (newest === undefined || newest.index < core.log.base.index) return;
  if (newest.index < progress.next) return;
  note(core, 'snapshot-begun');
  progress.beginTransfer(newest);
}

/** A slow link must not be buried under repetitions: each one waits twice as long. */
function wait(core: Core, transfer: Transfer): void {
  const doublings = Math.min(transfer.attempts, 4);
  transfer.waitTicks = core.limits.electionTicksMin << doublings;
  transfer.attempts += 1;
}
