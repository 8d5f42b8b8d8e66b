/** Clusters that grow under faults: always safe, and in the end every replica is in its place. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { ShardRow } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand } from '../../src/catalog/command.ts';
import { nodeOf } from '../../src/catalog/questions.ts';
import { byEffort } from '../support/effort.ts';
import { calm, disorder } from './history.ts';
import { describe, foundation, joining, tokenOf } from './rows.ts';
import { World } from './world.ts';

const NODES_MAX = 7;

interface Options {
  readonly seed: number;
  readonly shards: number;
  readonly isWeighted: boolean;
  readonly isZoned: boolean;
  /** Voters lose their votes meanwhile. */
  readonly isForgetful: boolean;
}

function grow({ seed, shards, isWeighted, isZoned, isForgetful }: Options): {
  world: World;
  rounds: number;
} {
  const random = new Random(seed);
  const trait = () => ({
    weight: isWeighted ? random.between(0, 3) : 1,
    zone: isZoned ? random.pick(['a', 'b', 'c']) : '',
  });
  const description = describe('one', { ...trait(), weight: 1 });
  const world = new World(random, foundation({ shards, description }));
  const count = random.between(1, NODES_MAX);
  for (let node = 2; node <= count; node++) {
    disorder(world, random, { events: random.below(300), isForgetful });
    world.arrive(world.rig.mustSay(joining(node, trait())));
  }
  disorder(world, random, { events: 300, isForgetful });
  for (let node = 2; node <= count && seed % 4 === 0; node++) {
    world.rig.mustSay(restart(node, trait()));
    disorder(world, random, { events: random.below(200), isForgetful });
  }
  disorder(world, random, { events: 300, isForgetful });
  for (const { node } of world.rig.map.nodes) world.alive.add(node);
  // In the end all voters but the leader may be among them.
  for (const { shard } of isForgetful ? world.rig.map.shards : []) {
    world.forget(shard);
    world.forget(shard);
  }
  return { world, rounds: calm(world, random) };
}

/** A node comes back with another weight, perhaps none, or in another zone. */
function restart(
  node: number,
  trait: { readonly weight: number; readonly zone: string },
): CatalogCommand {
  const description = describe(`node-${node}`, trait);
  const joinToken = tokenOf(node);
  const lineage = { incarnation: 1, words: [1] };
  return { type: 'announce', node: node as NodeId, joinToken, lineage, description };
}

/** Shards with a wanted member that does not vote yet. */
function countMoving(world: World): number {
  const isGrowing = (row: ShardRow) => row.members.some((m) => m.isWanted && !m.isVoter);
  return world.rig.map.shards.filter((row) => row.isFounded && isGrowing(row)).length;
}

/** Wanted, voting, leading: all as in the goals, and the goals as the nodes require. */
function checkEnd(world: World): void {
  const { map } = world.rig;
  const weighted = map.nodes.filter(({ weight }) => weight > 0).length;
  for (const row of map.shards) {
    const size = Math.min(weighted, row.shard === 0 ? 5 : map.settings.replicas);
    const sizeWanted = row.shard === 0 && size % 2 === 0 ? size - 1 : size;
    assert.equal(row.goal.length, sizeWanted, 'the replication factor has grown');
    assert.deepEqual(
      row.members.map(({ node, isWanted, isVoter }) => [node, isWanted, isVoter]),
      row.goal.map((node) => [node, true, true]),
    );
    const shard = world.shards.get(row.shard);
    assert.ok(shard, 'every shard is there');
    assert.deepEqual(
      shard.configuration.voters.map((voter) => nodeOf(row, voter)).sort(),
      [...row.goal].sort(),
    );
    if (row.preferredNode !== 0) assert.equal(nodeOf(row, shard.leader), row.preferredNode);
  }
  for (const { weight, basis } of map.nodes) assert.equal(basis !== undefined, weight > 0);
  const listed = map.shards.flatMap(({ members }) => members);
  const left = listed.filter(({ member }) => world.forgetful.has(member));
  assert.deepEqual(left, [], 'every voter that lost its vote has a successor');
  if (world.forgetful.size > 0) return;
  assert.ok(world.tally.added <= world.tally.asked, 'nothing moves that the ring did not ask for');
}

const SEEDS = byEffort({ full: 150, brief: 15 });

test('a cluster that grows under faults is always safe and becomes idle', (t) => {
  let roundsMax = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const traits = { isWeighted: seed % 2 === 0, isZoned: seed % 3 === 0 };
    const options = { seed, shards: 8, ...traits, isForgetful: seed % 5 === 0 };
    const { world, rounds } = grow(options);
    assert.ok(rounds < 100, `seed ${seed} comes to rest: ${rounds}`);
    roundsMax = Math.max(roundsMax, rounds);
    checkEnd(world);
  }
  t.diagnostic(`at most ${roundsMax} rounds`);
});

test('a cluster without faults moves few shards at a time, in few steps, and no others', (t) => {
  const random = new Random(51);
  const world = new World(random, foundation({ shards: 32 }));
  let movingMax = 0;
  const check = () => {
    movingMax = Math.max(movingMax, countMoving(world));
  };
  calm(world, random, check);
  for (let node = 2; node <= NODES_MAX; node++) {
    world.arrive(world.rig.mustSay(joining(node)));
    calm(world, random, check);
    checkEnd(world);
  }
  const { commands, changes, added, asked, transfers } = world.tally;
  t.diagnostic(`${JSON.stringify(world.tally)}, at most ${movingMax} at a time`);
  assert.equal(movingMax, CATALOG_LIMITS.movingShardsMax);
  assert.equal(added, asked);
  // For each member that comes: place, report twice; a learner first, then a vote.
  assert.ok(commands <= 4 * (added + 33), `${commands} commands`);
  assert.ok(changes <= 2 * (added + 33), `${changes} changes`);
  assert.ok(transfers <= added + 32, `${transfers} transfers`);
});
