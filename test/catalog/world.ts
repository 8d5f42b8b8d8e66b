/**
 * A cluster around a real catalog: shards with a minimal Raft, nodes with maps of different ages,
 * and commands in transit that arrive late, twice or never.
 */

import assert from 'node:assert/strict';
import {
  type MemberId,
  NO_MEMBER,
  type NodeId,
  NUMBER_MAX,
  type ShardId,
} from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand } from '../../src/catalog/command.ts';
import { type Led, nextConfigurationStep } from '../../src/catalog/configuration-step.ts';
import { planNext } from '../../src/catalog/move-planner.ts';
import { drainedMembers, nodeOf, replicasDue } from '../../src/catalog/questions.ts';
import {
  type Configuration,
  faultOfConfiguration,
  isJoint,
  isVoter,
  membersOf,
  settled,
  type Target,
  towards,
} from '../../src/raft/configuration.ts';
import { Rig } from './rows.ts';

/** The leader, or a deposed one that still believes it leads, with what it saw last. */
interface Office {
  readonly member: MemberId;
  readonly term: number;
  readonly configuration: Configuration;
  readonly isSettled: boolean;
}

class ShardWorld {
  /** The newest in the leader's log. */
  configuration: Configuration;
  isCommitted = true;
  /** The committed configuration, and a later one in some log until a leader settles it. */
  committed: Configuration;
  tail: Configuration | undefined;
  term = 1;
  leader: MemberId;
  hasOwnCommit = true;
  ticksSinceHandover = 0;
  readonly behind = new Set<MemberId>();
  deposed: Office[] = [];

  constructor(founder: MemberId) {
    this.configuration = { voters: [founder], outgoing: [], learners: [] };
    this.committed = this.configuration;
    this.leader = founder;
  }
}

export interface Tally {
  commands: number;
  changes: number;
  reports: number;
  transfers: number;
  /** Members that were added to data shards, and nodes that new goals added. */
  added: number;
  asked: number;
}

export class World {
  readonly rig = new Rig();
  readonly alive = new Set<NodeId>();
  readonly shards = new Map<ShardId, ShardWorld>();
  readonly tally: Tally = { commands: 0, changes: 0, reports: 0, transfers: 0, added: 0, asked: 0 };
  liveForMilliseconds = 2000;
  /** How often a node has time to spare, so that leaders gather. */
  idleChance = 0.1;
  readonly #random: Random;
  readonly #maps = new Map<NodeId, ClusterMap>();
  /** Members that lost their vote: they keep their log, and their node reports it. */
  readonly forgetful = new Set<MemberId>();
  /** Replicas that exist, with those that existed once. */
  readonly #born = new Map<NodeId, Map<MemberId, ShardId>>();
  readonly #buried = new Set<string>();
  #queue: CatalogCommand[] = [];

  constructor(random: Random, foundation: CatalogCommand) {
    this.#random = random;
    this.rig.mustSay(foundation);
    this.arrive(1 as NodeId);
  }

  /** A node that the catalog knows is there. */
  arrive(node: NodeId): void {
    this.alive.add(node);
    this.#born.set(node, this.#born.get(node) ?? new Map());
  }

  propose(command: CatalogCommand): void {
    this.tally.commands += 1;
    this.#queue.push(command);
  }

  /** One command arrives, if any: the next, or a random one; perhaps twice, perhaps never. */
  deliver({ isFair }: { readonly isFair: boolean }): boolean {
    const random = this.#random;
    const at = isFair ? 0 : random.below(Math.max(this.#queue.length, 1));
    const [command] = this.#queue.slice(at, at + 1);
    if (command === undefined) return false;
    if (isFair || !random.chance(0.2)) this.#queue.splice(at, 1);
    if (!isFair && random.chance(0.1)) return true;
    const before = this.rig.map;
    const reply = this.rig.say(command);
    if (reply.type === 'done') this.#count(before);
    this.checkListed();
    return true;
  }

  /** The planner starts without state at each call. */
  plan(): void {
    const outlook = {
      map: this.rig.map,
      liveFor: new Map([...this.alive].map((node) => [node, this.liveForMilliseconds])),
      unchangedFor: () => 0,
      drawMember: () => (1 + this.#random.word() * 2 ** 19) as MemberId,
    };
    for (const command of planNext(outlook)) this.propose(command);
  }

  /** A node gets a map and carries it out: replicas are created and removed. */
  learn(node: NodeId, map: ClusterMap): void {
    if (map.version <= (this.#maps.get(node)?.version ?? 0)) return;
    this.#maps.set(node, map);
    const due = replicasDue(map, node);
    const born = this.#born.get(node) as Map<MemberId, ShardId>;
    for (const { shard, member, birth } of due) {
      const name = `${shard} ${member}`;
      if (birth === 'none' || born.has(member) || this.#buried.has(name)) continue;
      born.set(member, shard);
      if (shard === 0 && member === 1000) this.shards.set(shard, new ShardWorld(member));
      else if (birth === 'found') this.shards.set(shard, new ShardWorld(member));
      else this.shards.get(shard)?.behind.add(member);
    }
    for (const [member, shard] of born) {
      if (due.some((one) => one.shard === shard && one.member === member)) continue;
      const world = this.shards.get(shard);
      const isConfigured = world !== undefined && membersOf(world.configuration).includes(member);
      assert.ok(
        !isConfigured,
        `member ${member} of shard ${shard} is destroyed in its configuration`,
      );
      born.delete(member);
      this.#buried.add(`${shard} ${member}`);
    }
  }

  /** The leader of a shard acts by the map of its node. */
  lead(shard: ShardId): void {
    const world = this.shards.get(shard);
    if (world === undefined || world.leader === NO_MEMBER) return;
    const { configuration, isCommitted, hasOwnCommit, leader: member, term } = world;
    const isSettled = isCommitted && hasOwnCommit;
    this.#step(shard, world, { member, term, configuration, isSettled });
  }

  /** A deposed leader that does not know it. */
  leadDeposed(shard: ShardId): void {
    const world = this.shards.get(shard);
    const office = world?.deposed[this.#random.below(world.deposed.length)];
    if (world !== undefined && office !== undefined) this.#step(shard, world, office);
  }

  /** The newest configuration is committed, if the required majorities are alive. */
  commit(shard: ShardId): void {
    const world = this.shards.get(shard);
    if (world === undefined || world.leader === NO_MEMBER || !this.hasQuorum(world)) return;
    if (!world.hasOwnCommit || !world.isCommitted) {
      world.hasOwnCommit = true;
      world.isCommitted = true;
      world.committed = world.configuration;
      world.tail = undefined;
    } else if (isJoint(world.configuration)) {
      this.#append(world, settled(world.configuration));
    }
    if (world.isCommitted && !isVoter(world.configuration, world.leader)) world.leader = NO_MEMBER;
  }

  /** Another leader. Uncommitted changes of the previous one may be lost. */
  elect(shard: ShardId, to?: MemberId): void {
    const world = this.shards.get(shard);
    const isAble = (member: MemberId) => this.isAlive(shard, member) && !this.forgetful.has(member);
    if (world === undefined || !hasMajorities(world.configuration, isAble)) return;
    const { voters, outgoing } = world.configuration;
    const able = [...voters, ...outgoing].filter(isAble);
    const { leader: member, term, configuration, hasOwnCommit, isCommitted } = world;
    if (member !== NO_MEMBER && able.length > 0) {
      const office = { member, term, configuration, isSettled: hasOwnCommit && isCommitted };
      world.deposed = [...world.deposed, office].slice(-3);
    }
    const chosen = to !== undefined && able.includes(to) ? to : this.#random.pick(able);
    if (world.tail !== undefined) {
      world.configuration = this.#random.chance(0.5) ? world.tail : world.committed;
      world.isCommitted = false;
    }
    world.leader = chosen;
    world.behind.delete(chosen);
    world.term += 1;
    world.hasOwnCommit = false;
    world.ticksSinceHandover = 0;
  }

  /** A voter loses its vote; the leader was elected before, so it is not affected. */
  forget(shard: ShardId): void {
    const world = this.shards.get(shard);
    if (world === undefined || !world.isCommitted || isJoint(world.configuration)) return;
    const { voters } = world.configuration;
    const others = voters.filter((voter) => voter !== world.leader);
    if (others.length > 0 && others.length < voters.length) {
      this.forgetful.add(this.#random.pick(others));
    }
  }

  /** The node of a member that lost its vote tells the catalog. */
  complain(node: NodeId): void {
    const map = this.#maps.get(node);
    if (map === undefined || !this.alive.has(node)) return;
    for (const { shard, members } of map.shards) {
      const mine = members.find((listed) => listed.node === node);
      if (mine === undefined || !this.forgetful.has(mine.member)) continue;
      this.propose({ type: 'lose', shard, member: mine.member });
    }
  }

  /** A follower catches up. */
  catchUp(shard: ShardId): void {
    const world = this.shards.get(shard);
    if (world === undefined || world.leader === NO_MEMBER) return;
    for (const member of world.behind) if (this.isAlive(shard, member)) world.behind.delete(member);
  }

  nodeOfMember(shard: ShardId, member: MemberId): NodeId | undefined {
    const row = this.rig.map.shards[shard];
    return row === undefined ? undefined : nodeOf(row, member);
  }

  isAlive(shard: ShardId, member: MemberId): boolean {
    const node = this.nodeOfMember(shard, member);
    if (node === undefined || !this.alive.has(node)) return false;
    return this.#born.get(node)?.has(member) === true;
  }

  hasQuorum(world: ShardWorld): boolean {
    const shard = [...this.shards].find(([, one]) => one === world)?.[0] as ShardId;
    return hasMajorities(world.configuration, (member) => this.isAlive(shard, member));
  }

  /** No member of a shard leaves the map: its node would destroy it. */
  checkListed(): void {
    for (const [shard, { committed, tail = committed }] of this.shards) {
      for (const member of [...membersOf(committed), ...membersOf(tail)]) {
        assert.ok(
          this.nodeOfMember(shard, member) !== undefined,
          `member ${member} is in the configuration of shard ${shard} and not in the map`,
        );
      }
    }
  }

  #step(shard: ShardId, world: ShardWorld, office: Office): void {
    const { member, term, configuration, isSettled } = office;
    const node = this.nodeOfMember(shard, member);
    const row = node === undefined ? undefined : this.#maps.get(node)?.shards[shard];
    if (node === undefined || row === undefined || !this.alive.has(node)) return;
    const followers = membersOf(configuration)
      .filter((other) => other !== member)
      .map((other) => ({
        member: other,
        isActive: this.isAlive(shard, other),
        isCaughtUp: !world.behind.has(other),
        isSlow: false,
      }));
    const { ticksSinceHandover } = world;
    const led: Led = {
      row,
      self: member,
      term,
      configuration,
      isSettled,
      isQuiet: false,
      followers,
      load: this.#random.chance(this.idleChance) ? 'idle' : 'busy',
      isHandoverDue: ticksSinceHandover >= CATALOG_LIMITS.handoverTicksMin,
      drained: drainedMembers(this.#maps.get(node) as ClusterMap, row),
    };
    const step = nextConfigurationStep(led);
    if (step.type === 'report') {
      this.tally.reports += 1;
      this.propose(step.report);
    }
    // A deposed leader's entries are never committed.
    if (term !== world.term) return;
    if (step.type === 'change') this.#change(world, led, step.target);
    if (step.type === 'transfer') {
      this.tally.transfers += 1;
      assert.ok(configuration.voters.includes(step.to) && this.isAlive(shard, step.to));
      this.elect(shard, step.to);
    }
  }

  /** The conditions of Raft for a change, and those of the shard's users. */
  #change(world: ShardWorld, led: Led, target: Target): void {
    this.tally.changes += 1;
    const { configuration: current, row, followers, self } = led;
    const next = towards(current, target);
    assert.equal(faultOfConfiguration(next), undefined);
    assert.notDeepEqual(next, current);
    const isLive = (member: MemberId) =>
      member === self ||
      followers.some((one) => one.member === member && one.isActive && one.isCaughtUp);
    for (const voter of next.voters) {
      const isKnown = current.voters.includes(voter) || current.learners.includes(voter);
      assert.ok(isKnown, 'a new voter was a learner');
      assert.ok(current.voters.includes(voter) || isLive(voter), 'a new voter caught up');
    }
    if (isJoint(next)) {
      const { goal, members } = row;
      const before = current.voters.filter(isLive).length;
      const after = next.voters.filter(isLive).length;
      assert.ok(after * 2 > next.voters.length, 'the new voters can decide');
      // One place may be without its voter, and only if its node can have no second member.
      const replaced = members.filter(
        ({ node, member, isWanted }) =>
          !isWanted &&
          goal.includes(node) &&
          current.voters.includes(member) &&
          !next.voters.includes(member),
      );
      const open = current.voters.length < goal.length ? 0 : Math.min(replaced.length, 1);
      const least = (count: number) => Math.min(count - open, goal.length);
      assert.ok(next.voters.length >= least(current.voters.length), 'no log is given away');
      assert.ok(after >= least(before), 'no live voter is given away');
    }
    this.#append(world, next);
    this.checkListed();
  }

  #append(world: ShardWorld, next: Configuration): void {
    world.configuration = next;
    world.tail = next;
    world.isCommitted = false;
  }

  #count(before: ClusterMap): void {
    for (const row of this.rig.map.shards.slice(1)) {
      const former = before.shards[row.shard];
      const membersBefore = new Set(former?.members.map(({ member }) => member));
      this.tally.added += row.members.filter(({ member }) => !membersBefore.has(member)).length;
      this.tally.asked += row.goal.filter((node) => !former?.goal.includes(node)).length;
      for (const { member } of row.members) assert.ok(member < NUMBER_MAX);
    }
  }
}

function hasMajorities(
  { voters, outgoing }: Configuration,
  isCounted: (member: MemberId) => boolean,
): boolean {
  const isMajority = (members: readonly MemberId[]) =>
    members.filter(isCounted).length * 2 > members.length;
  return isMajority(voters) && (outgoing.length === 0 || isMajority(outgoing));
}
