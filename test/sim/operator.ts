/** The operator: moves every shard to the nodes of its goal, as a person with a plan would. */

import { type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { type Member, NO_NODE, type ShardRow } from '../../src/catalog/cluster-map.ts';
import { nextConfigurationStep } from '../../src/catalog/configuration-step.ts';
import { memberOn } from '../../src/catalog/questions.ts';
import { type Configuration, isJoint, isMember, membersOf } from '../../src/raft/configuration.ts';
import type { RaftStatus } from '../../src/raft/status.ts';
import type { Atlas } from './atlas.ts';
import type { Host } from './host.ts';
import type { Services } from './services.ts';

export interface Leadership {
  readonly host: Host;
  readonly member: MemberId;
  readonly status: RaftStatus;
}

const LOOK_MILLISECONDS = 250;

export class Operator {
  readonly #services: Services;
  readonly #hosts: readonly Host[];
  readonly #random: Random;
  readonly #atlas: Atlas;
  /** The nodes on which each shard is to be. */
  readonly goals = new Map<ShardId, readonly number[]>();
  /** Nodes that will never come back. */
  readonly lost = new Set<number>();
  #isResting = false;

  constructor(services: Services, hosts: readonly Host[], atlas: Atlas) {
    this.#services = services;
    this.#hosts = hosts;
    this.#atlas = atlas;
    this.#random = services.random.fork('operator');
  }

  start(): void {
    const { plan } = this.#services;
    const nodes = this.#hosts.map((host) => host.id);
    for (let at = 1; at <= plan.shards; at++) {
      const shard = at as ShardId;
      const goal = this.#random.shuffle(nodes).slice(0, plan.factor);
      this.goals.set(shard, goal);
      this.#hosts[goal[0] ?? 0]?.push({
        type: 'order',
        order: { type: 'create', shard, isFirst: true },
      });
      this.#look(shard);
    }
  }

  /** From here on the operator leaves every shard as it is. */
  rest(): void {
    this.#isResting = true;
  }

  resume(): void {
    this.#isResting = false;
  }

  #look(shard: ShardId): void {
    const delay = LOOK_MILLISECONDS * (0.5 + this.#random.fraction());
    this.#services.agenda.after(delay, () => {
      if (!this.#isResting) this.#seek(shard);
      this.#look(shard);
    });
  }

  /** Of all replicas that claim to lead, the one of the latest term. */
  leaderOf(shard: ShardId): Leadership | undefined {
    let found: Leadership | undefined;
    for (const leadership of this.leadersOf(shard)) {
      if (found === undefined || leadership.status.term > found.status.term) found = leadership;
    }
    return found;
  }

  leadersOf(shard: ShardId): Leadership[] {
    return this.#hosts.flatMap((host) => {
      const replica = host.replicas.get(shard);
      if (replica === undefined || host.isPaused) return [];
      const status = replica.raft.status();
      return status.role === 'leader' ? [{ host, member: replica.member, status }] : [];
    });
  }

  isSettled(shard: ShardId): boolean {
    const leader = this.leaderOf(shard);
    if (leader === undefined) return false;
    const { at, configuration } = leader.status.configuration;
    if (isJoint(configuration) || leader.status.commit < at.index) return false;
    const wanted = this.#wantedOf(shard);
    if (wanted === undefined || configuration.learners.length > 0) return false;
    return (
      wanted.length === configuration.voters.length &&
      wanted.every((member) => configuration.voters.includes(member))
    );
  }

  /** The members on the goal's nodes; undefined while one of them is missing. */
  #wantedOf(shard: ShardId): MemberId[] | undefined {
    const wanted: MemberId[] = [];
    for (const node of this.goals.get(shard) ?? []) {
      const member = this.#hosts[node]?.memberOf(shard);
      if (member === undefined || this.#services.registry.isImpaired(member)) return undefined;
      wanted.push(member);
    }
    return wanted;
  }

  #seek(shard: ShardId): void {
    const leader = this.leaderOf(shard);
    if (leader === undefined) return;
    const { at, configuration } = leader.status.configuration;
    if (isJoint(configuration) || leader.status.commit < at.index) return;
    this.#clear(shard, leader);
    const row = this.#rowOf(shard, leader.status);
    for (const node of this.goals.get(shard) ?? []) {
      const host = this.#hosts[node];
      const isListed = memberOn(row, nodeId(node)) !== undefined;
      if (host === undefined || isListed || this.lost.has(node)) continue;
      if (host.memberOf(shard) !== undefined) continue;
      host.push({ type: 'order', order: { type: 'create', shard, isFirst: false } });
    }
    this.#follow(shard, leader, row);
  }

  /**
   * What a catalog would list: one member of each node, wanted if its node is in the goal and the
   * member is not lost. A node whose member is being removed has no other until that one is gone.
   */
  #rowOf(shard: ShardId, { term, configuration }: RaftStatus): ShardRow {
    const { voters, learners } = configuration.configuration;
    const goal = this.goals.get(shard) ?? [];
    const members = new Map<number, Member>();
    const list = (node: number, member: MemberId, isVoter: boolean) => {
      const isPresent = this.#hosts[node]?.memberOf(shard) === member;
      const isWanted = goal.includes(node) && isPresent && this.#isSound(member);
      members.set(node, { node: nodeId(node), member, isWanted, isVoter });
    };
    for (const member of [...voters, ...learners]) {
      const node = this.#services.registry.nodeOf(member);
      if (node !== undefined && !members.has(node)) list(node, member, voters.includes(member));
    }
    for (const node of goal) {
      const member = this.#hosts[node]?.memberOf(shard);
      if (member === undefined || members.has(node) || !this.#isSound(member)) continue;
      if (!this.#isSpent(shard, member, configuration.configuration)) list(node, member, false);
    }
    return {
      ...{
        shard,
        revision: 1,
        epoch: 1,
        from: 0,
        to: 0,
        founder: NO_MEMBER,
        isFounded: true,
        term,
      },
      goal: goal.map(nodeId).sort((one, other) => one - other),
      preferredNode: NO_NODE,
      members: [...members.values()].sort((one, other) => one.node - other.node),
    };
  }

  /** It was removed once. That is final, so the node gets a new member. */
  #isSpent(shard: ShardId, member: MemberId, present: Configuration): boolean {
    if (isMember(present, member)) return false;
    const truth = this.#services.invariants.truthOf(shard);
    return truth.configurations.some(
      (placed) => isMember(placed.configuration, member) && !truth.isOverwritten(placed),
    );
  }

  #isSound(member: MemberId): boolean {
    return !this.#services.registry.isImpaired(member);
  }

  /** What the leader of a shard does in a cluster: by the product's own rule. */
  #follow(shard: ShardId, { host, member, status }: Leadership, row: ShardRow): void {
    const step = nextConfigurationStep({
      row,
      self: member,
      term: status.term,
      configuration: status.configuration.configuration,
      isSettled: status.isSettled,
      isQuiet: status.isQuiet,
      followers: status.followers,
      load: 'busy',
      isHandoverDue: true,
      drained: [],
    });
    if (step.type === 'transfer') {
      host.push({ type: 'order', order: { type: 'transfer', shard, to: step.to } });
    }
    if (step.type !== 'change') return;
    const { voters } = status.configuration.configuration;
    const { target } = step;
    const isSame = voters.length === target.voters.length;
    if (!isSame || !voters.every((voter) => target.voters.includes(voter))) {
      // The only sound copies of something may be on members that would leave.
      if (!this.#atlas.bears(shard, target.voters)) return;
      this.#atlas.block(shard, this.#services.agenda.now);
    }
    host.push({ type: 'order', order: { type: 'change', shard, target } });
  }

  /** Replicas outside of the committed configuration, on nodes that should not have one. */
  #clear(shard: ShardId, { status }: Leadership): void {
    const present = status.configuration.configuration;
    const members = membersOf(present);
    // A former leader that does not know yet that it was replaced must not be believed.
    const possible = this.#services.invariants.truthOf(shard).possibleConfigurations();
    for (const { configuration } of possible) members.push(...membersOf(configuration));
    const goal = this.goals.get(shard) ?? [];
    for (const host of this.#hosts) {
      const member = host.memberOf(shard);
      if (member === undefined || members.includes(member)) continue;
      const isUseless = !this.#isSound(member) || this.#isSpent(shard, member, present);
      if (goal.includes(host.id) && !isUseless) continue;
      // Usually the others tell it; a removed learner may never hear of it.
      if (isUseless || this.#random.chance(0.05)) {
        host.push({ type: 'order', order: { type: 'destroy', shard } });
      }
    }
  }
}

/** The catalog counts nodes from one. */
function nodeId(node: number): NodeId {
  return (node + 1) as NodeId;
}
