/** Entries that a leader appends: commands, configurations; and the members it sends them to. */

import { assert } from '../base/assert.ts';
import { NUMBER_MAX } from '../base/ids.ts';
import { ENTRY_OVERHEAD_BYTES } from '../base/limits.ts';
import { type Configuration, membersOf } from './configuration.ts';
import { wakeLeader } from './heartbeats.ts';
import type { LogEntry } from './message.ts';
import type { Position } from './position.ts';
import { Progress } from './progress.ts';
import type { StepResult } from './ready.ts';
import { configurationOf, type Leader, note, type RaftState, refuse } from './state.ts';

export function propose(state: RaftState, payloads: readonly Uint8Array[]): StepResult {
  if (state.role.type !== 'leader') return refuse('not-leader');
  const leader = state.role;
  if (leader.transfer !== undefined) return refuse('leadership-moving');
  const { lastIndex } = state.log;
  if (lastIndex + payloads.length > NUMBER_MAX) return refuse('out-of-numbers');
  if (payloads.length === 0) return refuse('malformed');
  let bytes = 0;
  for (const payload of payloads) bytes += ENTRY_OVERHEAD_BYTES + payload.length;
  if (leader.uncommittedBytes + bytes > state.limits.uncommittedBytesMax) {
    if (leader.uncommittedBytes > 0) {
      note(state, 'uncommitted-tail-full');
      return refuse('too-much-uncommitted');
    }
    note(state, 'oversize-payload-alone');
  }
  const entries: LogEntry[] = payloads.map((payload, at) => ({
    index: lastIndex + 1 + at,
    term: state.term,
    kind: 'command',
    payload,
  }));
  leader.uncommitted.push({ lastIndex: lastIndex + payloads.length, bytes });
  leader.uncommittedBytes += bytes;
  appendAsLeader(state, leader, entries);
  return { type: 'taken', position: entries[0] as Position };
}

/** In force from here on, committed or not (§6). */
export function appendConfiguration(
  state: RaftState,
  leader: Leader,
  configuration: Configuration,
): Position {
  const { at } = state.configurations.newest;
  assert(at.index <= state.commit, 'one uncommitted configuration at a time');
  const entry: LogEntry = { ...nextPosition(state), kind: 'configuration', configuration };
  state.configurations.add({ at: { index: entry.index, term: entry.term }, configuration });
  appendAsLeader(state, leader, [entry]);
  watchMembers(state, leader);
  return { index: entry.index, term: entry.term };
}

/** One `Progress` for each other member; those of former members are dropped. */
export function watchMembers(state: RaftState, leader: Leader): void {
  const members = membersOf(configurationOf(state));
  for (const member of leader.followers.keys()) {
    if (!members.includes(member)) leader.followers.delete(member);
  }
  for (const member of members) {
    if (member === state.self || leader.followers.has(member)) continue;
    const { limits, timeout, ticks: now } = state;
    const { lastIndex } = state.log;
    leader.followers.set(member, new Progress({ member, limits, timeout, lastIndex, now }));
  }
}

export function nextPosition(state: RaftState): Position {
  return { index: state.log.lastIndex + 1, term: state.term };
}

export function appendAsLeader(
  state: RaftState,
  leader: Leader,
  entries: readonly LogEntry[],
): void {
  const { outbox, log } = state;
  outbox.unwrittenFrom = Math.min(outbox.unwrittenFrom, log.lastIndex + 1);
  log.append(entries);
  wakeLeader(state, leader);
  state.hasNews = true;
}
