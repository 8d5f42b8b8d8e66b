/** The operator: leads every shard to the nodes it should be on, as a person with a plan would. */

import { assert } from '../../src/base/assert.ts';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import {
  type Configuration,
  isJoint,
  isMember,
  isVoter,
  membersOf,
} from '../../src/raft/configuration.ts';
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
  /** The nodes that each shard should be on. */
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

  /** Of all who say they lead, the one of the latest term. */
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
    const wanted: MemberId[] = [];
    for (const node of this.goals.get(shard) ?? []) {
      const host = this.#hosts[node];
      const member = host?.memberOf(shard);
      if (host === undefined || this.lost.has(node)) continue;
      if (member === undefined) {
        host.push({ type: 'order', order: { type: 'create', shard, isFirst: false } });
      } else if (this.#isSound(member) && !this.#isSpent(shard, member, configuration)) {
        wanted.push(member);
      }
    }
    if (wanted.length === 0) {
      // Everyone on the goal's nodes has to be replaced; those who are sound stay until then.
      wanted.push(...configuration.voters.filter((voter) => this.#isSound(voter)));
    }
    if (wanted.length === 0) return;
    this.#approach(shard, leader, wanted);
  }

  /** It was left out once. That is final, so the node gets a new member. */
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

  #approach(shard: ShardId, { host, status }: Leadership, wanted: readonly MemberId[]): void {
    const { configuration } = status.configuration;
    const isSame =
      configuration.learners.length === 0 &&
      configuration.voters.length === wanted.length &&
      wanted.every((member) => isVoter(configuration, member));
    if (isSame) return;
    const missing = wanted.filter((member) => !isMember(configuration, member));
    if (missing.length > 0) {
      const learners = wanted.filter((member) => !isVoter(configuration, member));
      const target = { voters: configuration.voters, learners };
      host.push({ type: 'order', order: { type: 'change', shard, target } });
      return;
    }
    // Nobody hears from the followers of a silent shard; they have everything.
    const isReady =
      status.isQuiet ||
      status.followers.every(
        ({ member, isCaughtUp }) =>
          isCaughtUp || isVoter(configuration, member) || !wanted.includes(member),
      );
    if (!isReady && !this.#random.chance(0.05)) return;
    assert(wanted.length > 0, 'a shard is not left without voters');
    // The only sound copies of something may be on those who would leave.
    if (!this.#atlas.bears(shard, wanted)) return;
    this.#atlas.block(shard, this.#services.agenda.now);
    const target = { voters: wanted, learners: [] };
    host.push({ type: 'order', order: { type: 'change', shard, target } });
  }

  /** Replicas that the committed configuration is without, on nodes that should not have one. */
  #clear(shard: ShardId, { status }: Leadership): void {
    const present = status.configuration.configuration;
    const members = membersOf(present);
    // A leader that does not know yet that it is one of the past must not be believed.
    const possible = this.#services.invariants.truthOf(shard).possibleConfigurations();
    for (const { configuration } of possible) members.push(...membersOf(configuration));
    const goal = this.goals.get(shard) ?? [];
    for (const host of this.#hosts) {
      const member = host.memberOf(shard);
      if (member === undefined || members.includes(member)) continue;
      const isUseless = !this.#isSound(member) || this.#isSpent(shard, member, present);
      if (goal.includes(host.id) && !isUseless) continue;
      // Usually the others tell it; a learner that was dropped may never hear of it.
      if (isUseless || this.#random.chance(0.05)) {
        host.push({ type: 'order', order: { type: 'destroy', shard } });
      }
    }
  }
}
