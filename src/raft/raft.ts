/**
 * The entry point: events in, one plain object out. Synchronous, without clock, disk or network.
 */

import { assert, unreachable } from '../base/assert.ts';
import { type MemberId, NO_MEMBER } from '../base/ids.ts';
import { change } from './change.ts';
import { advanceCommit } from './commit.ts';
import { isMember } from './configuration.ts';
import { tickFollower } from './follower.ts';
import { wakeLeader } from './heartbeats.ts';
import { tickLeader } from './leader.ts';
import type { LogEntry } from './message.ts';
import { propose } from './proposals.ts';
import { queueRead, readByLease } from './read-index.ts';
import {
  type Mark,
  type RaftEvent,
  type Ready,
  type StepResult,
  TAKEN,
  type Write,
} from './ready.ts';
import { receive } from './receive.ts';
import { sendNews } from './replication.ts';
import { type RaftOptions, restore } from './restore.ts';
import { finishSnapshot } from './snapshot-receiver.ts';
import { releaseSnapshots, resumeTransfers, rewind } from './snapshot-sender.ts';
import { becomeFollower, damageOf, leaderOf, note, type RaftState, refuse } from './state.ts';
import { type RaftStatus, statusOf } from './status.ts';
import { beginTransfer } from './transfer.ts';
import { truncate } from './truncation.ts';
import { campaign, countOwnVote, tickCandidate } from './vote.ts';

export class Raft {
  readonly #state: RaftState;

  constructor(options: RaftOptions) {
    this.#state = restore(options);
  }

  /** Handles one event. Its effects are in the next `take`. */
  step(event: RaftEvent): StepResult {
    return step(this.#state, event);
  }

  /** Whether `take` would return anything. */
  get hasReady(): boolean {
    const { outbox, commit, handed, hasNews } = this.#state;
    if (outbox.hasNews || outbox.hasWrite || hasNews) return true;
    return commit > handed && mayHandOver(this.#state);
  }

  /** Everything to do since the last call. The caller does it; nothing is returned twice. */
  take(): Ready {
    const state = this.#state;
    if (state.role.type === 'leader' && state.hasNews) sendNews(state, state.role);
    state.hasNews = false;
    releaseSnapshots(state);
    const write = takeWrite(state);
    // A repaired entry can be read only after the write that contains it was handed out.
    const isRepairing = write !== undefined && write.repairs.length > 0;
    const committed = isRepairing ? [] : takeCommitted(state);
    return { write, committed, ...state.outbox.takeNews() };
  }

  get isLeader(): boolean {
    return this.#state.role.type === 'leader';
  }

  /** NO_MEMBER if it is not known. */
  get leader(): MemberId {
    return leaderOf(this.#state);
  }

  get term(): number {
    return this.#state.term;
  }

  /** Everything through this index is on this replica's disk. */
  get durable(): number {
    return this.#state.log.durable;
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }
}

/** Its round leaves at the end of the turn. */
function read(state: RaftState, id: number): StepResult {
  if (state.role.type !== 'leader') return refuse('not-leader');
  const result = queueRead(state, state.role, id);
  if (result.type === 'taken') wakeLeader(state, state.role);
  return result;
}

function step(state: RaftState, event: RaftEvent): StepResult {
  switch (event.type) {
    case 'tick':
      return tick(state, event.now);
    case 'message':
      return receive(state, event.message);
    case 'propose':
      return propose(state, event.payloads);
    case 'read':
      return read(state, event.id);
    case 'lease-read':
      return readByLease(state, event.now);
    case 'change':
      return change(state, event.target);
    case 'transfer':
      return beginTransfer(state, event.to);
    case 'campaign':
      if (state.role.type === 'leader') return refuse('stale');
      // Its own vote is bound by the promise to the leader as well.
      if (state.promiseTicks > 0 || state.ticks < state.votesFromTick)
        return refuse('leader-heard');
      return campaign(state, { isTransfer: false });
    case 'durable':
      return settle(state, event.mark);
    case 'applied':
      assert(event.index <= state.handed, 'only entries that were handed over are applied');
      state.applied = Math.max(state.applied, event.index);
      return TAKEN;
    case 'damaged':
      return findDamage(state, event.index);
    case 'state-lost':
      return loseState(state);
    case 'snapshot-checked':
      return finishSnapshot(state, event);
    case 'truncate':
      truncate(state, event);
      return TAKEN;
    case 'snapshot-readable':
      resumeTransfers(state);
      return TAKEN;
    case 'link-open':
      state.hasNews = state.role.type === 'leader';
      return TAKEN;
    case 'unreachable':
      return loseTouch(state, event.member);
    case 'wake':
      return wake(state);
    case 'announce-commits':
      if (state.role.type === 'leader') state.role.announceUntil = state.ticks + event.ticks;
      return TAKEN;
    default:
      return unreachable(event);
  }
}

function tick(state: RaftState, now: number): StepResult {
  const passed = Number.isFinite(state.now) ? now - state.now : 0;
  state.ticks += 1;
  state.now = Math.max(state.now, now);
  observeDelays(state, passed);
  state.promiseTicks = Math.max(state.promiseTicks - 1, 0);
  state.isHandingBlocked = false;
  switch (state.role.type) {
    case 'follower':
      tickFollower(state, state.role);
      break;
    case 'candidate':
      tickCandidate(state, state.role);
      break;
    case 'leader':
      tickLeader(state, state.role);
      break;
  }
  return TAKEN;
}

/** Delays of this node's own disk and event loop: a write in flight counts with its age. */
function observeDelays(state: RaftState, passed: number): void {
  const { timeout, limits, outbox } = state;
  timeout.tick();
  timeout.observeOwn(passed - limits.tickMilliseconds);
  const age = state.now - (outbox.oldestInflightAt ?? state.now);
  // A write that was handed out before the first tick has no time.
  if (Number.isFinite(age)) timeout.observeOwn(age);
}

function settle(state: RaftState, mark: Mark): StepResult {
  const settled = state.outbox.settle(mark);
  if (settled === undefined) return refuse('stale');
  if (settled.isClamped) note(state, 'late-durability-clamped');
  state.log.markDurable(settled.durable);
  if (state.role.type === 'candidate') countOwnVote(state, state.role);
  if (state.role.type === 'leader') advanceCommit(state, state.role);
  return TAKEN;
}

function findDamage(state: RaftState, index: number): StepResult {
  state.log.markDamaged(index);
  // A leader with a damaged log cannot serve followers that need those entries.
  if (state.role.type === 'leader' && damageOf(state) !== undefined) {
    note(state, 'stepped-down-for-damage');
    becomeFollower(state, NO_MEMBER);
  }
  return TAKEN;
}

/** The log is sound, so it follows and votes as before. A leader with other voters hands over. */
function loseState(state: RaftState): StepResult {
  if (!state.isStateLost) note(state, 'state-lost');
  state.isStateLost = true;
  return wake(state);
}

function loseTouch(state: RaftState, member: MemberId): StepResult {
  if (state.role.type !== 'leader') return TAKEN;
  const progress = state.role.followers.get(member);
  if (progress === undefined) return refuse('not-a-member');
  if (progress.state === 'replicate') progress.probe();
  if (progress.transfer !== undefined) rewind(state, progress.transfer);
  state.hasNews = true;
  return TAKEN;
}

function wake(state: RaftState): StepResult {
  if (state.role.type === 'leader') wakeLeader(state, state.role);
  if (state.role.type === 'follower' && state.role.isQuiet) {
    note(state, 'woken');
    state.role.isQuiet = false;
    state.role.elapsed = 0;
    state.heardAt = state.ticks;
    // The stated timeout is as old as the silence.
    state.statedTicks = 0;
  }
  return TAKEN;
}

function takeWrite(state: RaftState): Write | undefined {
  const { outbox, log, term, vote, commit } = state;
  if (!outbox.hasWrite) return undefined;
  const from = outbox.unwrittenFrom;
  const entries = from > log.lastIndex ? [] : log.notDurableFrom(from);
  const hardState = { term, vote, commit };
  return outbox.takeWrite({ hardState, entries, last: log.last, now: state.now });
}

function takeCommitted(state: RaftState): readonly LogEntry[] {
  const { log, commit, handed, limits } = state;
  if (commit === handed || !mayHandOver(state)) return [];
  const range = { from: handed + 1, to: commit, bytesMax: limits.committedBytesMax };
  const entries = log.read(range);
  if (entries === 'damaged' || entries === 'later') {
    state.isHandingBlocked = true;
    if (entries === 'damaged') findDamage(state, range.from);
    return [];
  }
  for (const entry of entries)
    if (entry.kind === 'configuration') noticeRemoval(state, entry.index);
  state.handed = (entries[entries.length - 1] as LogEntry).index;
  return entries;
}

/**
 * Entries that are handed over wait in memory until the machine has applied them; others stay on
 * disk.
 */
function mayHandOver({ handed, applied, isHandingBlocked, isStateLost }: RaftState): boolean {
  return handed === applied && !isHandingBlocked && !isStateLost;
}

/** A committed configuration is without this member, and the one before it was not. */
function noticeRemoval(state: RaftState, index: number): void {
  const { configuration } = state.configurations.at(index);
  if (isMember(configuration, state.self)) return;
  if (!isMember(state.configurations.at(index - 1).configuration, state.self)) return;
  if (state.isRemoved) return;
  note(state, 'learned-own-removal');
  state.isRemoved = true;
}
