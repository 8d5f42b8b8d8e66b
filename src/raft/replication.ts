/** Sends the log: once a turn, to each follower what it may have now (§5.3). */

import { announceCommit, sendReadRound } from './heartbeats.ts';
import { type LogEntry, sizeOfAll } from './message.ts';
import type { Progress } from './progress.ts';
import { sendChunks } from './snapshot-sender.ts';
import { type Leader, note, type RaftState, stepDown, to } from './state.ts';

/** Everything proposed in one turn leaves in one append per follower. */
export function sendNews(state: RaftState, leader: Leader): void {
  state.hasNews = false;
  sendReadRound(state, leader);
  for (const progress of leader.followers.values()) {
    if (progress.state !== 'snapshot') sendAppends(state, progress);
    if (progress.state === 'snapshot') sendChunks(state, progress);
    if (state.role !== leader) return;
    announceCommit(state, leader, progress);
  }
}

/** Probes a follower: an append that may be empty, beside the ordinary ones. */
export function sendNudge(state: RaftState, progress: Progress): void {
  if (progress.state !== 'replicate') return;
  if (progress.next - 1 >= state.log.base.index) return sendAppend(state, progress, []);
  // The log has dropped the entries in flight, so their loss would not be noticed otherwise.
  progress.probe();
}

function sendAppends(state: RaftState, progress: Progress): void {
  while (hasNewsFor(state, progress)) {
    if (!progress.isOpen) {
      if (progress.isWindowFull) note(state, 'inflight-window-full');
      return;
    }
    if (progress.next <= state.log.base.index) {
      progress.wantSnapshot();
      return;
    }
    const room = state.links.room(progress.member, 'append');
    if (room === 0 && progress.hasFlights) {
      note(state, 'link-full');
      return;
    }
    const entries = entriesFor(state, progress, room);
    if (entries === undefined) return;
    sendAppend(state, progress, entries);
  }
}

function hasNewsFor(state: RaftState, progress: Progress): boolean {
  if (progress.next <= state.log.lastIndex) return true;
  return progress.state === 'probe' && progress.match < state.log.lastIndex;
}

/** The next entries for a follower; undefined if they cannot be read now. */
function entriesFor(
  state: RaftState,
  progress: Progress,
  room: number,
): readonly LogEntry[] | undefined {
  const { log } = state;
  const { appendBytesMax, fullLinkBytesMax } = state.limits;
  // Entries of the first probe may be in flight still.
  if (progress.next > log.lastIndex || progress.hasProbed) return [];
  const bytesMax = Math.min(appendBytesMax, Math.max(room, fullLinkBytesMax));
  const range = { from: progress.next, to: log.lastIndex, bytesMax };
  const entries = log.read(range);
  if (entries === 'later') return undefined;
  if (entries !== 'damaged') return entries;
  log.markDamaged(progress.next);
  // Applied entries can be sent as state; others must come from another member's log.
  if (progress.next <= state.handed) progress.wantSnapshot();
  else stepDown(state, 'stepped-down-for-damage');
  return undefined;
}

function sendAppend(state: RaftState, progress: Progress, entries: readonly LogEntry[]): void {
  const { log } = state;
  const previous = { index: progress.next - 1, term: log.termAt(progress.next - 1) ?? 0 };
  state.outbox.send({
    type: 'append',
    ...to(state, progress.member),
    previous,
    entries,
    commit: state.commit,
    round: state.role.type === 'leader' ? state.role.round : 0,
    configuration: state.configurations.newest.at,
  });
  const lastIndex = previous.index + entries.length;
  progress.toldCommit = Math.min(lastIndex, state.commit);
  const [count, bytes] = [entries.length, sizeOfAll(entries)];
  state.links.taken(progress.member, 'append', bytes);
  progress.sent({ lastIndex, bytes, count, now: state.ticks });
}
