/**
 * What the leader of a shard does next, so that its members become the wanted ones.
 *
 * One step at a time, computed anew after every change of the row, of the configuration or of a
 * follower. No state is kept between steps, so any leader can continue where another stopped.
 */

import { assert } from '../base/assert.ts';
import type { MemberId } from '../base/ids.ts';
import { type Configuration, isJoint, isMember, type Target } from '../raft/configuration.ts';
import type { ShardRow } from './cluster-map.ts';
import type { CommandOf } from './command.ts';
import { type Load, wishedLeader } from './leader-choice.ts';

/** A shard as its leader sees it. */
export interface Led {
  readonly row: ShardRow;
  readonly self: MemberId;
  readonly term: number;
  /** The newest in the log. */
  readonly configuration: Configuration;
  /** It is committed, an entry of this term is committed, and no leadership is being moved. */
  readonly isSettled: boolean;
  /** The shard is quiesced: every member has every entry, and no messages flow. */
  readonly isQuiet: boolean;
  readonly followers: readonly Follower[];
  /** This member has led for long enough to hand over, even if leadership keeps coming back. */
  readonly isHandoverDue: boolean;
  /** Of this member's node. */
  readonly load: Load;
  /**
   * Members on nodes that are drained or removed, or whose disks are nearly full: they lead only if
   * no other member can.
   */
  readonly drained: readonly MemberId[];
}

interface Follower {
  readonly member: MemberId;
  readonly isActive: boolean;
  readonly isCaughtUp: boolean;
  /** Its delays exceed what a majority of the shard tolerates of a leader. */
  readonly isSlow: boolean;
}

type ConfigurationStep =
  | { readonly type: 'wait' }
  /** Report to the catalog. */
  | { readonly type: 'report'; readonly report: CommandOf<'report'> }
  /** Propose this configuration to Raft. */
  | { readonly type: 'change'; readonly target: Target }
  /** Hand leadership over. */
  | { readonly type: 'transfer'; readonly to: MemberId };

const WAIT: ConfigurationStep = { type: 'wait' };

/**
 * The rule that makes removing members safe: a leader changes nothing before the row shows its own
 * term. So its row is no older than its first report, and reports of earlier leaders are refused.
 */
export function nextConfigurationStep(led: Led): ConfigurationStep {
  const { row, term, configuration, isSettled } = led;
  if (row.term > term || !isSettled || isJoint(configuration)) return WAIT;
  const voters = votersNext(led);
  const wantsChange = !isSame(targetOf(led, voters), configuration);
  const hasNews = isNews(led);
  if (hasNews || (wantsChange && row.term < term)) return { type: 'report', report: reportOf(led) };
  if (!voters.includes(led.self)) return stepDown(led, voters);
  if (wantsChange) return { type: 'change', target: targetOf(led, voters) };
  return handOver(led);
}

/** A wanted member that does not vote yet becomes a learner. */
function targetOf({ row }: Led, voters: readonly MemberId[]): Target {
  const learners = wantedOf(row).filter((member) => !voters.includes(member));
  return { voters, learners };
}

/**
 * The voters to have now: the wanted ones that vote or are ready to, and as many of the unwanted as
 * are needed to keep the number of voters, live ones first.
 *
 * Invariant: with n voters and a goal of g nodes, a change leaves at least min(n, g) voters, or one
 * fewer where a replacement needs the place of its predecessor; and while fewer than g vote, no
 * change leaves fewer than there are. The goal counts, not the wanted members: a lost member is not
 * wanted any more, but its log may be one of the few that hold acknowledged entries.
 */
function votersNext(led: Led): readonly MemberId[] {
  const { voters } = led.configuration;
  const replaced = replacedInPlace(led);
  const chosen = votersOf(led, replaced) ?? votersOf(led, undefined) ?? voters;
  const spared = replaced === undefined ? 0 : 1;
  const sizeMin = Math.min(voters.length - spared, led.row.goal.length);
  assert(chosen.length >= sizeMin, 'a lost member is no reason to have fewer voters');
  return chosen;
}

/**
 * The unwanted voter that is removed before its replacement joins, because both belong on one node.
 * Only one at a time, and only while no other place of the goal lacks its voter.
 */
function replacedInPlace(led: Led): MemberId | undefined {
  const { members, goal } = led.row;
  const { voters } = led.configuration;
  if (voters.length < goal.length) return undefined;
  const replaced = members
    .filter(({ node, member, isWanted }) => {
      return !isWanted && goal.includes(node) && voters.includes(member);
    })
    .map(({ member }) => member);
  const others = replaced.filter((member) => member !== led.self);
  return others.find((member) => !isLive(led, member)) ?? others[0] ?? replaced[0];
}

/** Undefined if too few of them are alive, or not a majority. */
function votersOf(led: Led, replaced: MemberId | undefined): readonly MemberId[] | undefined {
  const { learners } = led.configuration;
  const staying = led.configuration.voters.filter((voter) => voter !== replaced);
  const wanted = wantedOf(led.row);
  const countLive = (members: readonly MemberId[]) =>
    members.filter((member) => isLive(led, member)).length;
  const sizeMin = Math.min(staying.length, led.row.goal.length);
  const liveMin = Math.min(countLive(staying), sizeMin);
  const isEnough = (members: readonly MemberId[]) => {
    const live = countLive(members);
    return members.length >= sizeMin && live >= liveMin && live * 2 > members.length;
  };
  const isReady = (member: MemberId) =>
    staying.includes(member) || (learners.includes(member) && isLive(led, member));
  let chosen = wanted.filter(isReady);
  for (const member of leavingOf(led)) {
    if (isEnough(chosen)) break;
    if (member !== replaced) chosen = [...chosen, member];
  }
  return isEnough(chosen) ? chosen : undefined;
}

/** Voters that are not wanted: the leader first, then the live ones. */
function leavingOf(led: Led): readonly MemberId[] {
  const wanted = wantedOf(led.row);
  const leaving = led.configuration.voters.filter((voter) => !wanted.includes(voter));
  const rank = (member: MemberId) => (member === led.self ? 0 : isLive(led, member) ? 1 : 2);
  return [...leaving].sort((one, other) => rank(one) - rank(other));
}

/**
 * A leader that is being removed hands over first, to a voter that stays. Where no such voter
 * exists yet, it stays one change longer.
 */
function stepDown(led: Led, voters: readonly MemberId[]): ConfigurationStep {
  const heirs = led.configuration.voters.filter(
    (voter) => voters.includes(voter) && isLive(led, voter),
  );
  const { row, self, load } = led;
  const isAble = (member: MemberId) => heirs.includes(member);
  const to = wishedLeader({ row, self, load, isAble }) ?? heirs[0];
  if (to !== undefined) return led.isHandoverDue ? { type: 'transfer', to } : WAIT;
  return { type: 'change', target: targetOf(led, [...voters, led.self]) };
}

/**
 * To the member that should lead, if it can lead immediately and is not slow: otherwise it would
 * have to hand over again. From a drained node to any other.
 */
function handOver(led: Led): ConfigurationStep {
  if (!led.isHandoverDue) return WAIT;
  const { row, self, load, drained, configuration } = led;
  const able = configuration.voters.filter((voter) => {
    return isLive(led, voter) && !drained.includes(voter);
  });
  const isAble = (member: MemberId) => able.includes(member) && !isSlow(led, member);
  const wished = wishedLeader({ row, self, load, isAble });
  const to = wished ?? (drained.includes(self) ? able[0] : undefined);
  return to === undefined || to === self ? WAIT : { type: 'transfer', to };
}

function isSlow({ followers }: Led, member: MemberId): boolean {
  return followers.some((one) => one.member === member && one.isSlow);
}

function isLive({ self, isQuiet, followers }: Led, member: MemberId): boolean {
  if (member === self) return true;
  const follower = followers.find((one) => one.member === member);
  if (follower === undefined) return false;
  return isQuiet || (follower.isActive && follower.isCaughtUp);
}

/** The row does not show the present configuration. */
function isNews({ row, configuration }: Led): boolean {
  if (!row.isFounded) return true;
  return row.members.some(
    ({ member, isWanted, isVoter }) =>
      isVoter !== configuration.voters.includes(member) ||
      !(isWanted || isMember(configuration, member)),
  );
}

function reportOf({ row, term, configuration }: Led): CommandOf<'report'> {
  const { voters, learners } = configuration;
  return { type: 'report', shard: row.shard, revision: row.revision, term, voters, learners };
}

function wantedOf({ members }: ShardRow): MemberId[] {
  return members.filter(({ isWanted }) => isWanted).map(({ member }) => member);
}

function isSame({ voters, learners }: Target, configuration: Configuration): boolean {
  return hasSame(voters, configuration.voters) && hasSame(learners, configuration.learners);
}

function hasSame(some: readonly MemberId[], others: readonly MemberId[]): boolean {
  return some.length === others.length && some.every((member) => others.includes(member));
}
