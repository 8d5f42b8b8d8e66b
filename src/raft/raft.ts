/** The door: events in, one plain object out. Synchronous, without clock, disk or network. */

import { assert, unreachable } from '../base/assert.ts';
import { type MemberId, NOBODY } from '../base/ids.ts';
import { change } from './change.ts';
import { advanceCommit } from './commit.ts';
import { isMember } from './configuration.ts';
import { becomeFollower, type Core, damageOf, leaderOf, note, refuse } from './core.ts';
import { tickFollower } from './follower.ts';
import { finishSnapshot } from './incoming.ts';
import { tickLeader } from './leader.ts';
import type { Entry } from './message.ts';
import { releaseSnapshots, resumeTransfers, rewind } from './outgoing.ts';
import { propose } from './proposals.ts';
import { type Mark, type Outcome, type RaftEvent, type Ready, TAKEN, type Write } from './ready.ts';
import { receive } from './receive.ts';
import { sendNews } from './replication.ts';
import { type RaftOptions, revive } from './revive.ts';
import { queueRead, readByLease, wakeLeader } from './rounds.ts';
import { type RaftStatus, statusOf } from './status.ts';
import { beginTransfer } from './transfer.ts';
import { truncate } from './truncation.ts';
import { campaign, countOwnVote, tickCandidate } from './vote.ts';

export class Raft {
  readonly #core: Core;

  constructor(options: RaftOptions) {
    this.#core = revive(options);
  }

  /** Takes one event. What it leads to is in the next `take`. */
  step(event: RaftEvent): Outcome {
    return step(this.#core, event);
  }

  /** Whether `take` would have anything to say. */
  get hasReady(): boolean {
    const { outbox, commit, handed, hasNews } = this.#core;
    if (outbox.hasNews || outbox.hasWrite || hasNews) return true;
    return commit > handed && mayHandOver(this.#core);
  }

  /** Everything to do since the last time. The caller does it; nothing is said twice. */
  take(): Ready {
    const core = this.#core;
    if (core.role.type === 'leader' && core.hasNews) sendNews(core, core.role);
    core.hasNews = false;
    releaseSnapshots(core);
    const write = takeWrite(core);
    // A repaired entry can be read back only once the write that holds it was handed out.
    const isRepairing = write !== undefined && write.repairs.length > 0;
    const committed = isRepairing ? [] : takeCommitted(core);
    return { write, committed, ...core.outbox.takeNews() };
  }

  get isLeader(): boolean {
    return this.#core.role.type === 'leader';
  }

  /** NOBODY if it is not known. */
  get leader(): MemberId {
    return leaderOf(this.#core);
  }

  get term(): number {
    return this.#core.term;
  }

  /** Everything through this index is on this replica's disk. */
  get durable(): number {
    return this.#core.log.durable;
  }

  status(): RaftStatus {
    return statusOf(this.#core);
  }
}

function step(core: Core, event: RaftEvent): Outcome {
  switch (event.type) {
    case 'tick':
      return tick(core, event.now);
    case 'message':
      return receive(core, event.message);
    case 'propose':
      return propose(core, event.payloads);
    case 'read':
      return queueRead(core, event.id);
    case 'lease-read':
      return readByLease(core, event.now);
    case 'change':
      return change(core, event.target);
    case 'transfer':
      return beginTransfer(core, event.to);
    case 'campaign':
      if (core.role.type === 'leader') return refuse('stale');
      // Its own vote is promised to the leader as well as any other.
      if (core.promiseTicks > 0 || core.ticks < core.votesFromTick) return refuse('leader-heard');
      return campaign(core, { isTransfer: false });
    case 'durable':
      return settle(core, event.mark);
    case 'applied':
      assert(event.index <= core.handed, 'only what was handed over is applied');
      core.applied = Math.max(core.applied, event.index);
      return TAKEN;
    case 'damaged':
      return findDamage(core, event.index);
    case 'state-lost':
      return loseState(core);
    case 'snapshot-checked':
      return finishSnapshot(core, event);
    case 'truncate':
      truncate(core, event);
      return TAKEN;
    case 'snapshot-readable':
      resumeTransfers(core);
      return TAKEN;
    case 'link-open':
      core.hasNews = core.role.type === 'leader';
      return TAKEN;
    case 'unreachable':
      return loseTouch(core, event.member);
    case 'wake':
      return wake(core);
    default:
      return unreachable(event);
  }
}

function tick(core: Core, now: number): Outcome {
  const passed = Number.isFinite(core.now) ? now - core.now : 0;
  core.ticks += 1;
  core.now = Math.max(core.now, now);
  observeDelays(core, passed);
  core.promiseTicks = Math.max(core.promiseTicks - 1, 0);
  core.isHandingBlocked = false;
  switch (core.role.type) {
    case 'follower':
      tickFollower(core, core.role);
      break;
    case 'candidate':
      tickCandidate(core, core.role);
      break;
    case 'leader':
      tickLeader(core, core.role);
      break;
  }
  return TAKEN;
}

/** What this node's own disk and event loop take: a write that is under way counts as it ages. */
function observeDelays(core: Core, passed: number): void {
  const { timeout, limits, outbox } = core;
  timeout.tick();
  timeout.observeOwn(passed - limits.tickMilliseconds);
  const age = core.now - (outbox.oldestInflightAt ?? core.now);
  // What was handed out before the first tick has no time.
  if (Number.isFinite(age)) timeout.observeOwn(age);
}

function settle(core: Core, mark: Mark): Outcome {
  const settled = core.outbox.settle(mark);
  if (settled === undefined) return refuse('stale');
  if (settled.isClamped) note(core, 'late-durability-clamped');
  core.log.markDurable(settled.durable);
  if (core.role.type === 'candidate') countOwnVote(core, core.role);
  if (core.role.type === 'leader') advanceCommit(core, core.role);
  return TAKEN;
}

function findDamage(core: Core, index: number): Outcome {
  core.log.markDamaged(index);
  // A leader with a hole in its log cannot serve those who need what was there.
  if (core.role.type === 'leader' && damageOf(core) !== undefined) {
    note(core, 'stepped-down-for-damage');
    becomeFollower(core, NOBODY);
  }
  return TAKEN;
}

/** The log is sound, so it follows and votes as before. A leader that has others hands over. */
function loseState(core: Core): Outcome {
  if (!core.isStateLost) note(core, 'state-lost');
  core.isStateLost = true;
  return wake(core);
}

function loseTouch(core: Core, member: MemberId): Outcome {
  if (core.role.type !== 'leader') return TAKEN;
  const progress = core.role.followers.get(member);
  if (progress === undefined) return refuse('not-a-member');
  if (progress.state === 'replicate') progress.probe();
  if (progress.transfer !== undefined) rewind(core, progress.transfer);
  core.hasNews = true;
  return TAKEN;
}

function wake(core: Core): Outcome {
  if (core.role.type === 'leader') wakeLeader(core, core.role);
  if (core.role.type === 'follower' && core.role.isQuiet) {
    note(core, 'woken');
    core.role.isQuiet = false;
    core.role.elapsed = 0;
    core.heardAt = core.ticks;
  }
  return TAKEN;
}

function takeWrite(core: Core): Write | undefined {
  const { outbox, log, term, vote, commit } = core;
  if (!outbox.hasWrite) return undefined;
  const from = outbox.unwrittenFrom;
  const entries = from > log.lastIndex ? [] : log.notDurableFrom(from);
  const hardState = { term, vote, commit };
  return outbox.takeWrite({ hardState, entries, last: log.last, now: core.now });
}

function takeCommitted(core: Core): readonly Entry[] {
  const { log, commit, handed, limits } = core;
  if (commit === handed || !mayHandOver(core)) return [];
  const range = { from: handed + 1, to: commit, bytesMax: limits.committedBytesMax };
  const entries = log.read(range);
  if (entries === 'damaged' || entries === 'later') {
    core.isHandingBlocked = true;
    if (entries === 'damaged') findDamage(core, range.from);
    return [];
  }
  for (const entry of entries) if (entry.kind === 'configuration') noticeRemoval(core, entry.index);
  core.handed = (entries[entries.length - 1] as Entry).index;
  return entries;
}

/** What is handed over waits in memory until the machine has taken it; what is not, on disk. */
function mayHandOver({ handed, applied, isHandingBlocked, isStateLost }: Core): boolean {
  return handed === applied && !isHandingBlocked && !isStateLost;
}

/** A committed configuration is without this member, and the one before it was not. */
function noticeRemoval(core: Core, index: number): void {
  const { configuration } = core.configurations.at(index);
  if (isMember(configuration, core.self)) return;
  if (!isMember(core.configurations.at(index - 1).configuration, core.self)) return;
  if (core.isRemoved) return;
  note(core, 'learned-own-removal');
  core.isRemoved = true;
}
