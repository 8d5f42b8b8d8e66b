/** Machines lose their disks, nodes are drained and removed: always safe, healthy in the end. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { ClusterMap, NodeMembership } from '../../src/catalog/cluster-map.ts';
import { objectionOf } from '../../src/catalog/membership.ts';
import { nodeNumbered, nodeOf } from '../../src/catalog/questions.ts';
import { byEffort } from '../support/effort.ts';
import { calm, disorder } from './history.ts';
import { describe, foundation, tokenOf } from './rows.ts';
import { World } from './world.ts';

const SEEDS = byEffort({ full: 200, brief: 30 });
const ACTS = 6;

class MembershipHistory {
  readonly #random: Random;
  readonly world: World;
  readonly lost = new Set<NodeId>();
  readonly told = new Map<string, number>();
  #tokens = 1;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.world = new World(this.#random, foundation({ shards: 6 }));
    const count = this.#random.between(3, 6);
    for (let number = 2; number <= count; number++) this.#join(`ws://node-${number}`);
    calm(this.world, this.#random);
  }

  run(): number {
    for (let act = 0; act < ACTS; act++) {
      this.#act();
      const events = this.#random.pick([0, 20, 150, 400]);
      disorder(this.world, this.#random, { events, isForgetful: false, lost: this.lost });
      this.#checkGone();
    }
    for (const { node } of this.#map.nodes) {
      if (!this.lost.has(node)) this.world.alive.add(node);
    }
    this.#removeLost();
    const rounds = calm(this.world, this.#random, () => this.#checkGone());
    // The map showed too many silent voters of a shard, some of which it has no more.
    this.#removeLost();
    const more = calm(this.world, this.#random, () => this.#checkGone());
    this.#checkEnd();
    return rounds + more;
  }

  /** Commands that were refused while others were silent are repeated. */
  #removeLost(): void {
    const isUp = (one: NodeId) => this.world.alive.has(one);
    for (const { node } of this.#map.nodes) {
      if (this.lost.has(node)) this.#assign(node, 'removing', isUp);
    }
  }

  get #map(): ClusterMap {
    return this.world.rig.map;
  }

  #act(): void {
    const present = this.#map.nodes.filter(({ node }) => !this.lost.has(node));
    const { node, peerUrl } = this.#random.pick(present);
    const isUp = (one: NodeId) => this.world.alive.has(one);
    switch (this.#random.below(6)) {
      case 0:
      case 1: {
        if (!this.#maySpare(node)) return;
        this.#lose(node);
        this.#join(peerUrl);
        this.#tell('wiped');
        return;
      }
      case 2: {
        if (!this.#maySpare(node)) return;
        this.#lose(node);
        this.#join(`ws://node-${this.#tokens + 100}`);
        return this.#assign(node, 'removing', isUp);
      }
      case 3:
        return this.#assign(node, 'removing', isUp);
      case 4:
        return this.#assign(node, 'draining', isUp);
      default: {
        const drained = this.#map.nodes.filter(({ membership }) => membership === 'draining');
        for (const row of drained) this.#assign(row.node, 'active', isUp);
      }
    }
  }

  #assign(node: NodeId, membership: NodeMembership, isUp: (node: NodeId) => boolean): void {
    const isForced = this.lost.has(node) || this.#random.chance(0.3);
    const revision = nodeNumbered(this.#map, node)?.revision ?? 0;
    const command = { type: 'set-membership', node, revision, membership, isForced } as const;
    const objection = objectionOf(this.#map, command, isUp);
    const reply = objection === undefined ? this.world.rig.say(command) : undefined;
    this.#tell(`${membership} ${reply?.type === 'refused' ? reply.reason : (objection ?? 'done')}`);
  }

  #join(url: string): void {
    this.#tokens += 1;
    const description = { ...describe('any'), peerUrl: url };
    const command = {
      type: 'join',
      joinToken: tokenOf(this.#tokens),
      description,
      proof: undefined,
    } as const;
    this.world.arrive(this.world.rig.mustSay(command));
  }

  #lose(node: NodeId): void {
    this.lost.add(node);
    this.world.alive.delete(node);
  }

  /** Every shard is founded and keeps a majority, in any configuration that it may have. */
  #maySpare(node: NodeId): boolean {
    const gone = new Set([...this.lost, node]);
    return this.#map.shards.every((row) => {
      const world = this.world.shards.get(row.shard);
      if (world === undefined || !row.isFounded) return false;
      const { configuration, committed, tail = committed } = world;
      const sets = [configuration, committed, tail].flatMap(({ voters, outgoing }) => {
        return outgoing.length > 0 ? [voters, outgoing] : [voters];
      });
      return sets.every((voters) => {
        const kept = voters.filter((voter) => {
          const home = nodeOf(row, voter);
          return home !== undefined && !gone.has(home);
        });
        return kept.length * 2 > voters.length;
      });
    });
  }

  /** A node whose row is deleted destroys all its replicas. */
  #checkGone(): void {
    for (let node = 1 as NodeId; node < this.#map.nextNode; node++) {
      if (this.#map.nodes.some((row) => row.node === node)) continue;
      this.world.learn(node as NodeId, this.#map);
      this.world.alive.delete(node as NodeId);
    }
    this.world.checkListed();
  }

  #checkEnd(): void {
    const { nodes, shards, settings } = this.#map;
    for (const node of this.lost) {
      assert.ok(!nodes.some((row) => row.node === node), `lost node ${node} is a member still`);
    }
    assert.ok(nodes.every(({ membership }) => membership !== 'removing'));
    const active = nodes.filter(({ membership }) => membership === 'active').map((row) => row.node);
    const carriers = Math.max(active.length, Math.min(nodes.length, settings.replicas));
    for (const row of shards.slice(1)) {
      assert.equal(row.goal.length, Math.min(carriers, settings.replicas));
      assert.deepEqual(
        row.members.map(({ node, isWanted, isVoter }) => [node, isWanted, isVoter]),
        row.goal.map((node) => [node, true, true]),
      );
      const leader = this.world.shards.get(row.shard)?.leader;
      const led = leader === undefined ? undefined : nodeOf(row, leader);
      const able = row.goal.filter((node) => active.includes(node));
      assert.ok(able.length === 0 || able.includes(led as NodeId), `${row.shard} led by ${led}`);
    }
  }

  #tell(what: string): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
  }
}

test('wiped, drained and removed nodes leave a full cluster and no remains', (t) => {
  const told = new Map<string, number>();
  let roundsMax = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = new MembershipHistory(seed);
    let rounds = 0;
    assert.doesNotThrow(() => {
      rounds = history.run();
    }, `seed ${seed}`);
    assert.ok(rounds < 150, `seed ${seed} comes to rest: ${rounds}`);
    roundsMax = Math.max(roundsMax, rounds);
    for (const [what, count] of history.told) told.set(what, (told.get(what) ?? 0) + count);
  }
  const counts = [...told].map(([what, count]) => `${what} ${count}`).sort();
  t.diagnostic(`${counts.join(', ')}; at most ${roundsMax} rounds`);
  for (const what of ['wiped', 'removing done', 'removing fewer-replicas', 'draining done']) {
    assert.ok((told.get(what) ?? 0) > SEEDS / 10, what);
  }
});
