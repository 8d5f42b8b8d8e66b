/** Replicas are compared at one entry, and one that differs from the majority is quarantined. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { ConsistencyCheck } from '../../src/node/consistency-check.ts';
import type { ConsistencyFact } from '../../src/node/node-fact.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Replica } from '../../src/shard/replica.ts';
import type { NodeMessage } from '../../src/wire/node-message.ts';

const SHARD = 3 as ShardId;
const ROUND = NODE_LIMITS.consistencyMilliseconds;

/** A replica with given reports. */
class Actor {
  readonly shard = SHARD;
  readonly member: MemberId;
  readonly nodes: number;
  isCurrent = false;
  isCorrupt = false;
  isCondemned = false;
  isSettled = true;
  /** The digest of its state, by index; nothing where it is not yet. */
  readonly sums = new Map<number, number>();
  readonly term = 4;
  readonly entryTerms = new Map<number, number>();
  last = 10;
  applied = 10;
  readonly asked: number[] = [];
  readonly store = {
    condemn: () => {
      this.isCondemned = true;
    },
  };
  readonly fingerprint = {
    ask: (index: number) => void this.asked.push(index),
    taken: (index: number) => {
      const one = this.sums.get(index);
      if (one === undefined || this.asked.at(-1) !== index) return undefined;
      const hash = [{ section: 1, rows: 1, one, two: one }];
      return { position: { index, term: this.entryTerms.get(index) ?? this.term }, hash };
    },
  };

  constructor(member: number, nodes: number) {
    this.member = member as MemberId;
    this.nodes = nodes;
  }

  status() {
    const voters = Array.from({ length: this.nodes }, (_, at) => at + 1);
    const { term, last, applied, isSettled } = this;
    const configuration = { configuration: { voters, learners: [] } };
    return { term, last: { index: last }, applied, isSettled, configuration };
  }

  markCorrupt(): void {
    this.isCorrupt = true;
  }
}

/** Member n lives on node n; the first leads. */
class World {
  readonly actors: Actor[];
  readonly checks: ConsistencyCheck[];
  readonly facts: [node: number, fact: ConsistencyFact['type']][] = [];
  readonly lost = new Set<NodeMessage['type']>();
  now = 0;

  constructor(nodes = 3) {
    this.actors = Array.from({ length: nodes }, (_, at) => new Actor(at + 1, nodes));
    this.actor(1).isCurrent = true;
    for (const actor of this.actors) actor.sums.set(10, 7);
    this.checks = this.actors.map((actor, at) => this.#checkOf(actor, (at + 1) as NodeId));
  }

  actor(node: number): Actor {
    return this.actors[node - 1] as Actor;
  }

  check(node: number): ConsistencyCheck {
    return this.checks[node - 1] as ConsistencyCheck;
  }

  run(milliseconds = ROUND * 1.5): void {
    for (const until = this.now + milliseconds; this.now < until; ) {
      this.now += 100;
      for (const check of this.checks) check.tick();
    }
  }

  get quarantined(): readonly number[] {
    return this.actors.filter(({ isCorrupt }) => isCorrupt).map(({ member }) => member);
  }

  #checkOf(actor: Actor, node: NodeId): ConsistencyCheck {
    const world = this;
    const replicas = { all: [actor], get: () => actor } as unknown as {
      readonly all: Iterable<Replica>;
      readonly get: () => Replica;
    };
    const state = {
      get now() {
        return world.now;
      },
      self: { node },
      replicas,
      nodeOfMember: (_shard: ShardId, member: MemberId) => member as number as NodeId,
      store: actor.store,
      tellLater: (to: NodeId, message: NodeMessage) => world.#deliver(node, to, message),
      mention: ({ type }: ConsistencyFact) => void world.facts.push([node, type]),
    };
    return new ConsistencyCheck(state as unknown as NodeState);
  }

  #deliver(from: NodeId, to: NodeId, message: NodeMessage): void {
    if (this.lost.has(message.type)) return;
    const check = this.check(to);
    if (message.type === 'fingerprint-ask') check.asked(from, message.shard, message.index);
    else if (message.type === 'fingerprint') check.reported(message);
    else if (message.type === 'diverged') check.divergedFrom(message);
  }
}

test('equal replicas are left alone, and compared again only after a new entry', () => {
  const world = new World();
  world.run(ROUND * 5);
  deepEqual([world.quarantined, world.facts], [[], []]);
  deepEqual(world.actor(2).asked, [10]);
  for (const actor of world.actors) {
    actor.last = 11;
    actor.applied = 11;
    actor.sums.set(11, 8);
  }
  world.run();
  deepEqual(world.actor(2).asked, [10, 11]);
});

test('a follower that differs from the majority is quarantined, and its state condemned', () => {
  const world = new World();
  world.actor(3).sums.set(10, 8);
  world.run();
  deepEqual(world.quarantined, [3]);
  equal(world.actor(3).isCondemned, true);
  deepEqual(world.facts, [[3, 'state-diverged']]);
  equal(world.check(1).diverged, 1);
});

test('a leader that differs from the majority quarantines itself', () => {
  const world = new World();
  world.actor(1).sums.set(10, 8);
  world.run();
  deepEqual(world.quarantined, [1]);
});

test('without a majority nothing is quarantined, and it is reported once', () => {
  const two = new World(2);
  two.actor(2).sums.set(10, 8);
  two.run(ROUND * 5);
  deepEqual(two.quarantined, []);
  deepEqual(two.facts, [[1, 'states-differ']]);
  deepEqual(two.check(1).undecided, [SHARD]);
  two.actor(2).sums.set(10, 7);
  two.run(ROUND * 3);
  deepEqual(two.check(1).undecided, []);
});

test('two that agree are no majority of five', () => {
  const world = new World(5);
  world.actor(3).sums.set(10, 8);
  for (const node of [4, 5]) world.actor(node).sums.delete(10);
  world.run(ROUND * 4);
  deepEqual(world.quarantined, []);
  for (const node of [4, 5]) world.actor(node).sums.set(10, 7);
  world.run(ROUND * 4);
  deepEqual(world.quarantined, [3]);
});

test('a late replica reports when it reaches the entry, and is waited for', () => {
  const world = new World();
  world.actor(2).sums.delete(10);
  world.actor(3).sums.set(10, 8);
  world.run(ROUND + 500);
  deepEqual(world.quarantined, [], 'one against one says nothing');
  world.actor(2).sums.set(10, 7);
  world.run(500);
  deepEqual(world.quarantined, [3]);
});

test('states at different entries are not compared', () => {
  const world = new World();
  world.actor(3).entryTerms.set(10, 3);
  world.actor(3).sums.set(10, 7);
  world.run();
  deepEqual(world.quarantined, [3], 'a committed entry of another term is a difference as well');
});

test('while entries are in flight, a future one is compared', () => {
  const world = new World();
  world.actor(1).last = 12;
  for (const actor of world.actors) actor.sums.set(13, 9);
  world.run();
  deepEqual(world.actor(2).asked, [13]);
});

test('a verdict about another entry, or another digest, is ignored', () => {
  const world = new World();
  world.run();
  const member = world.actor(2).member;
  const verdict = { shard: SHARD, member, index: 10, term: 4, one: 1, two: 2 };
  world.check(2).divergedFrom(verdict);
  world.check(2).divergedFrom({ ...verdict, index: 9 });
  world.check(2).divergedFrom({ ...verdict, member: 9 as MemberId });
  deepEqual(world.quarantined, []);
});

test('a leader that is not settled compares nothing, and lost messages are repeated', () => {
  const world = new World();
  world.actor(3).sums.set(10, 8);
  world.actor(1).isSettled = false;
  world.run(ROUND * 2);
  deepEqual(world.actor(2).asked, []);
  world.actor(1).isSettled = true;
  world.lost.add('diverged');
  world.run(ROUND * 3);
  deepEqual(world.quarantined, []);
  world.lost.clear();
  world.run(ROUND * 3);
  deepEqual(world.quarantined, [3]);
});
