/** What the planner proposes for a given map. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { CatalogCommand, CommandOf } from '../../src/catalog/command.ts';
import { planNext } from '../../src/catalog/move-planner.ts';
import { founded, joining, type Rig } from './rows.ts';

let drawn = 5000;

const STUCK_MILLISECONDS = CATALOG_LIMITS.movePatienceMilliseconds;

interface Options {
  readonly dead?: readonly number[];
  readonly liveFor?: number;
  /** Shards whose move has not progressed for long. */
  readonly stuck?: readonly number[];
}

function plan(rig: Rig, options: Options = {}): CatalogCommand[] {
  const { stuck = [] } = options;
  const { dead = [], liveFor = CATALOG_LIMITS.newcomerMilliseconds } = options;
  const alive = rig.map.nodes.filter(({ node }) => !dead.includes(node));
  return planNext({
    map: rig.map,
    liveFor: new Map(alive.map(({ node }) => [node, liveFor])),
    unchangedFor: ({ shard }) => (stuck.includes(shard) ? STUCK_MILLISECONDS : 0),
    drawMember: () => ++drawn as MemberId,
  });
}

function aim(rig: Rig): CommandOf<'aim'> {
  const [command, ...others] = plan(rig);
  assert.equal(command?.type, 'aim');
  assert.deepEqual(others, []);
  return command as CommandOf<'aim'>;
}

function placements(rig: Rig, options: Parameters<typeof plan>[1] = {}): CommandOf<'place'>[] {
  const commands = plan(rig, options);
  assert.ok(commands.every(({ type }) => type === 'place'));
  return commands as CommandOf<'place'>[];
}

/** All data shards report that their founder leads them. */
function foundAll(rig: Rig): void {
  for (const { shard, founder } of rig.map.shards)
    rig.report(shard, { term: 1, voters: [founder] });
}

test('one node has nothing to plan', () => {
  assert.deepEqual(plan(founded(1)), []);
});

test('a newcomer counts once it has been alive for a while', () => {
  const rig = founded(2);
  const liveFor = CATALOG_LIMITS.newcomerMilliseconds - 1;
  assert.deepEqual(plan(rig, { liveFor }), []);
  assert.deepEqual(plan(rig, { dead: [2] }), []);
  assert.deepEqual(
    aim(rig).nodes.map(({ node }) => node),
    [1, 2],
  );
});

test('a node that falls silent later stays in the goals', () => {
  const rig = founded(3);
  rig.mustSay(aim(rig));
  assert.deepEqual(plan(rig, { dead: [2, 3] }), []);
});

test('a node without weight holds nothing, and gets its share with a weight', () => {
  const rig = founded(1);
  rig.mustSay(joining(2, { weight: 0 }));
  assert.deepEqual(plan(rig), []);
});

test('the catalog has one, three or five voters, spread over the zones', () => {
  const sizes = [1, 2, 3, 4, 5, 6, 7].map((nodes) => {
    const rig = founded(nodes);
    return nodes === 1 ? 1 : aim(rig).shards[0]?.goal.length;
  });
  assert.deepEqual(sizes, [1, 1, 3, 3, 5, 5, 5]);
  const rig = founded(1);
  for (const [at, zone] of ['', '', 'b', 'c', 'c'].entries())
    rig.mustSay(joining(at + 2, { zone }));
  assert.deepEqual(aim(rig).shards[0]?.goal, [1, 2, 4, 5, 6]);
});

test('the voters of the catalog stay when an equal node joins', () => {
  const rig = founded(3);
  rig.mustSay(aim(rig));
  rig.mustSay(joining(4));
  assert.deepEqual(aim(rig).shards[0]?.goal, [1, 2, 3]);
});

test('the replicas of a shard grow with the nodes, up to the configured number', () => {
  for (const nodes of [2, 3, 5]) {
    const goals = aim(founded(nodes, { replicas: 3 })).shards.slice(1);
    assert.ok(goals.every(({ goal }) => goal.length === Math.min(nodes, 3)));
  }
});

test('a newcomer takes its share, and between the others nothing moves', () => {
  for (const shards of [16, 32, 100]) {
    const rig = founded(3, { shards });
    rig.mustSay(aim(rig));
    for (let node = 4; node <= 8; node++) {
      rig.mustSay(joining(node));
      const goals = aim(rig).shards.slice(1);
      const moved = goals.flatMap(({ goal }, at) =>
        goal.filter((holder) => !rig.row(at + 1).goal.includes(holder)),
      );
      assert.ok(
        moved.every((holder) => holder === node),
        `${shards} on ${node}: ${moved}`,
      );
      assert.ok(moved.length <= Math.ceil((1.2 * shards * 3) / node));
      rig.mustSay(aim(rig));
    }
  }
});

test('a bounded number of founded shards moves at a time, the catalog first', () => {
  const rig = founded(3, { shards: 32 });
  rig.mustSay(aim(rig));
  assert.deepEqual(
    placements(rig).map(({ shard }) => shard),
    [0],
  );
  foundAll(rig);
  const first = placements(rig);
  assert.equal(first.length, CATALOG_LIMITS.movingShardsMax);
  assert.equal(first[0]?.shard, 0);
  for (const command of first.slice(0, 3)) rig.mustSay(command);
  assert.equal(placements(rig).length, CATALOG_LIMITS.movingShardsMax - 3);
  for (const command of placements(rig)) rig.mustSay(command);
  assert.deepEqual(plan(rig), []);
});

test('a move without progress leaves its place to another, within a bound', () => {
  const rig = founded(3, { shards: 64 });
  foundAll(rig);
  rig.mustSay(aim(rig));
  const stuck: number[] = [];
  for (const command of placements(rig)) {
    rig.mustSay(command);
    stuck.push(command.shard);
  }
  assert.deepEqual(plan(rig), []);
  const [, ...others] = stuck;
  assert.equal(placements(rig, { stuck: others }).length, CATALOG_LIMITS.movingShardsMax - 1);
  for (let round = 0; round < 10; round++) {
    for (const command of placements(rig, { stuck })) {
      rig.mustSay(command);
      stuck.push(command.shard);
    }
  }
  assert.equal(stuck.length, CATALOG_LIMITS.movesMax);
});

test('a placement keeps the members that stay, and draws new ones for the rest', () => {
  const rig = founded(3, { shards: 1 });
  foundAll(rig);
  rig.mustSay(aim(rig));
  const [, data] = placements(rig);
  assert.deepEqual(data?.members[0], { node: 1, member: 1001 });
  assert.equal(new Set(data?.members.map(({ member }) => member)).size, 3);
});

test('shards that wait for a dead node do not delay the others', () => {
  const rig = founded(3, { shards: 32 });
  foundAll(rig);
  rig.mustSay(aim(rig));
  for (const command of placements(rig)) rig.mustSay(command);
  assert.deepEqual(plan(rig), []);
  assert.equal(placements(rig, { dead: [2, 3] }).length, 0);
  const others = placements(rig, { dead: [3] });
  assert.equal(others.length, 0, 'node 2 is alive, so they continue');
  for (const { shard, founder, members } of rig.map.shards) {
    const second = members.find(({ node }) => node === 2)?.member;
    if (second !== undefined) rig.report(shard, { term: 1, voters: [founder, second] });
  }
  assert.equal(placements(rig, { dead: [3] }).length, CATALOG_LIMITS.movingShardsMax);
});

test('a node gets a second member of a shard only when the first is gone', () => {
  const rig = founded(3, { shards: 1 });
  foundAll(rig);
  rig.mustSay(aim(rig));
  for (const command of placements(rig)) rig.mustSay(command);
  rig.place(1, [[1, 1001]]);
  assert.deepEqual(plan(rig), []);
  rig.report(1, { term: 1, voters: [1001] });
  assert.equal(placements(rig)[0]?.shard, 1 as ShardId);
});

test('proposed twice, a plan takes effect once', () => {
  const rig = founded(3);
  foundAll(rig);
  const goals = aim(rig);
  rig.mustSay(goals);
  assert.equal(rig.say(goals).type, 'refused');
  const moves = placements(rig);
  for (const move of moves) rig.mustSay(move);
  const { version } = rig.map;
  for (const move of moves) assert.equal(rig.say(move).type, 'refused');
  assert.equal(rig.map.version, version);
  assert.equal(rig.map.nodes[0]?.node, 1 as NodeId);
});
