/** Sending the log: once a turn, to each follower what it may have now (§5.3). */

import { type Core, type Leader, note, stepDown, to } from './core.ts';
import { type Entry, sizeOfAll } from './message.ts';
import { sendChunks } from './outgoing.ts';
import type { Progress } from './progress.ts';
import { sendReadRound } from './rounds.ts';

/** Everything proposed in one turn leaves in one append per follower. */
export function sendNews(core: Core, leader: Leader): void {
  core.hasNews = false;
  sendReadRound(core, leader);
  for (const progress of leader.followers.values()) {
    if (progress.state !== 'snapshot') sendAppends(core, progress);
    if (progress.state === 'snapshot') sendChunks(core, progress);
    if (core.role !== leader) return;
  }
}

/** Asks a follower where it stands: an append that may be empty, beside the ordinary ones. */
export function sendNudge(core: Core, progress: Progress): void {
  if (progress.state !== 'replicate') return;
  if (progress.next - 1 >= core.log.base.index) return sendAppend(core, progress, []);
  // The log has forgotten what is on its way, so if that was lost nothing else would tell.
  progress.probe();
}

function sendAppends(core: Core, progress: Progress): void {
  while (hasNewsFor(core, progress)) {
    if (!progress.isOpen) {
      if (progress.isWindowFull) note(core, 'inflight-window-full');
      return;
    }
    if (progress.next <= core.log.base.index) {
      progress.wantSnapshot();
      return;
    }
    const room = core.links.room(progress.member, 'append');
    if (room === 0 && progress.hasFlights) {
      note(core, 'link-full');
      return;
    }
    const entries = entriesFor(core, progress, room);
    if (entries === undefined) return;
    sendAppend(core, progress, entries);
  }
}

function hasNewsFor(core: Core, progress: Progress): boolean {
  if (progress.next <= core.log.lastIndex) return true;
  return progress.state === 'probe' && progress.match < core.log.lastIndex;
}

/** The next entries for a follower; undefined if they cannot be had now. */
function entriesFor(core: Core, progress: Progress, room: number): readonly Entry[] | undefined {
  const { log } = core;
  const { appendBytesMax, fullLinkBytesMax } = core.limits;
  // What was sent with the first probe may be on its way still.
  if (progress.next > log.lastIndex || progress.hasProbed) return [];
  const bytesMax = Math.min(appendBytesMax, Math.max(room, fullLinkBytesMax));
  const range = { from: progress.next, to: log.lastIndex, bytesMax };
  const entries = log.read(range);
  if (entries === 'later') return undefined;
  if (entries !== 'damaged') return entries;
  log.markDamaged(progress.next);
  // What the machine has can be sent as state; what it has not must come from another's log.
  if (progress.next <= core.handed) progress.wantSnapshot();
  else stepDown(core, 'stepped-down-for-damage');
  return undefined;
}

function sendAppend(core: Core, progress: Progress, entries: readonly Entry[]): void {
  const { log } = core;
  const previous = { index: progress.next - 1, term: log.termAt(progress.next - 1) ?? 0 };
  core.outbox.send({
    type: 'append',
    ...to(core, progress.member),
    previous,
    entries,
    commit: core.commit,
    round: core.role.type === 'leader' ? core.role.round : 0,
    configuration: core.configurations.newest.at,
  });
  const lastIndex = previous.index + entries.length;
  const [count, bytes] = [entries.length, sizeOfAll(entries)];
  core.links.taken(progress.member, 'append', bytes);
  progress.sent({ lastIndex, bytes, count, now: core.ticks });
}
