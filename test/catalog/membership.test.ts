/** Newcomers that replace lost nodes, and nodes that the operator drains or removes. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { NodeMembership } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand, CatalogReply } from '../../src/catalog/command.ts';
import { decodeMap, encodeMap } from '../../src/catalog/map-bytes.ts';
import { objectionOf } from '../../src/catalog/membership.ts';
import { planNext } from '../../src/catalog/move-planner.ts';
import { nodeNumbered, wantedNodes } from '../../src/catalog/questions.ts';
import { describe, founded, joining, type Rig, tokenOf } from './rows.ts';

const LONG = 60_000;

let drawn = 9000;

/** The planner's commands while all but these nodes are alive. */
function plan(rig: Rig, dead: readonly number[] = []): CatalogCommand[] {
  const alive = rig.map.nodes.filter(({ node }) => !dead.includes(node));
  return planNext({
    map: rig.map,
    liveFor: new Map(alive.map(({ node }) => [node, LONG])),
    unchangedFor: () => 0,
    drawMember: () => ++drawn as MemberId,
  });
}

/** Plans, places and reports until there is nothing to do; live voters are those wanted. */
function settle(rig: Rig, dead: readonly number[] = []): void {
  for (let round = 0; round < 50; round++) {
    const commands = plan(rig, dead);
    for (const command of commands) rig.say(command);
    for (const { shard, members } of rig.map.shards) {
      const able = members.filter(({ node, isWanted, isVoter }) => {
        return isWanted && (isVoter || !dead.includes(node));
      });
      rig.report(shard, { term: 1, voters: able.map(({ member }) => member) });
    }
    if (commands.length === 0) return;
  }
  assert.fail('the plan comes to an end');
}

function settled(nodes: number, options: Parameters<typeof founded>[1] = {}): Rig {
  const rig = founded(nodes, options);
  settle(rig);
  return rig;
}

function assign(
  rig: Rig,
  node: number,
  membership: NodeMembership,
  isForced = false,
): CatalogReply {
  const revision = rowOf(rig, node)?.revision ?? 0;
  return rig.say({ type: 'set-membership', node: node as NodeId, revision, membership, isForced });
}

/** A new folder at the address of a known node. */
function rejoining(node: number, token: number): CatalogCommand {
  const description = describe(node === 1 ? 'one' : `node-${node}`);
  return { type: 'join', joinToken: tokenOf(token), description, proof: undefined };
}

function rowOf(rig: Rig, node: number) {
  return nodeNumbered(rig.map, node as NodeId);
}

function holdersOf(rig: Rig): number[][] {
  return rig.map.shards.map(({ members }) => members.map(({ node }) => node as number));
}

function refused(reason: string): CatalogReply {
  return { type: 'refused', reason } as CatalogReply;
}

test('a newcomer at a known address replaces the former node in the goals', () => {
  const rig = settled(3);
  const goals = rig.map.shards.map(({ goal }) => goal);
  assert.equal(rig.mustSay(rejoining(2, 9)), 4);
  assert.equal(rowOf(rig, 4)?.replaces, 2);
  assert.equal(rowOf(rig, 2)?.membership, 'removing');
  assert.deepEqual(
    rig.map.shards.map(({ goal }) => goal),
    goals.map((goal) => goal.map((node) => (node === 2 ? 4 : node)).sort()),
  );
  const places = plan(rig, [2]);
  assert.equal(
    places.length,
    rig.map.shards.filter(({ goal }) => goal.includes(4 as NodeId)).length,
  );
  for (const place of places) {
    assert.equal(place.type, 'place', 'no new goals are needed');
    rig.mustSay(place);
  }
  for (const { members } of rig.map.shards) {
    const former = members.find(({ node }) => node === 2);
    assert.equal(former?.isWanted, false, 'a voter, until its shard has another');
    assert.equal(former?.isVoter, true);
  }
});

test('the row of the former node is deleted with the last shard that lists it', () => {
  const rig = settled(3, { shards: 2 });
  rig.mustSay(rejoining(2, 9));
  for (const place of plan(rig, [2])) rig.mustSay(place);
  for (const { shard } of rig.map.shards) {
    assert.ok(rowOf(rig, 2), `it is listed by ${shard}`);
    const voters = rig.row(shard).members.filter(({ node }) => node !== 2);
    rig.report(shard, { term: 1, voters: voters.map(({ member }) => member) });
  }
  assert.equal(rowOf(rig, 2), undefined);
  assert.deepEqual(plan(rig), []);
  rig.reopen();
  assert.deepEqual(
    rig.map.nodes.map(({ node }) => node),
    [1, 3, 4],
  );
  assert.equal(rig.mustSay(joining(20)), 5, 'its number is not given again');
});

test('a machine that is wiped twice in a row leaves no dead member behind', () => {
  const rig = settled(3);
  rig.mustSay(rejoining(2, 9));
  for (const place of plan(rig, [2])) rig.mustSay(place);
  rig.mustSay(rejoining(2, 10));
  assert.equal(rowOf(rig, 5)?.replaces, 4);
  settle(rig, [2, 4]);
  assert.deepEqual(
    rig.map.nodes.map(({ node }) => node),
    [1, 3, 5],
  );
  assert.deepEqual(holdersOf(rig), Array(5).fill([1, 3, 5]));
});

test('a folder that joins twice at the same address replaces no node the second time', () => {
  const rig = settled(3);
  rig.mustSay(rejoining(2, 9));
  const { version } = rig.map;
  assert.equal(rig.mustSay(rejoining(2, 9)), 4);
  assert.equal(rig.map.version, version);
});

test('the successor of a drained node is drained, and goals from before are stale', () => {
  const rig = settled(4, { replicas: 3 });
  assign(rig, 4, 'draining');
  const [aim] = plan(rig);
  rig.mustSay(rejoining(4, 9));
  assert.equal(rowOf(rig, 5)?.membership, 'draining');
  assert.deepEqual(rig.say(aim as CatalogCommand), refused('stale-revision'));
  settle(rig, [4]);
  assert.ok(holdersOf(rig).every((nodes) => nodes.join() === '1,2,3'));
});

test('a newcomer is refused while the node at its address is heard', () => {
  const { map } = settled(3);
  const again: CatalogCommand = {
    type: 'join',
    joinToken: tokenOf(2),
    description: describe('node-2'),
    proof: undefined,
  };
  const isUp = (node: NodeId) => node === 2;
  assert.equal(objectionOf(map, rejoining(2, 9), isUp), 'still-running');
  assert.equal(
    objectionOf(map, rejoining(2, 9), () => false),
    undefined,
  );
  assert.equal(objectionOf(map, again, isUp), undefined, 'it is that node');
  assert.equal(objectionOf(map, joining(7), isUp), undefined, 'another address');
  assert.equal(objectionOf(undefined, joining(7), isUp), undefined);
});

test('a removed node gives up its replicas, and its row is deleted', () => {
  const rig = settled(4);
  assert.equal(assign(rig, 2, 'removing').type, 'done');
  assert.equal(assign(rig, 2, 'removing').type, 'done', 'twice is once');
  settle(rig);
  assert.equal(rowOf(rig, 2), undefined);
  assert.ok(
    holdersOf(rig)
      .flat()
      .every((node) => node !== 2),
  );
  assert.equal(assign(rig, 2, 'removing').type, 'done', 'it is gone already');
  assert.deepEqual(assign(rig, 2, 'draining'), refused('unknown-node'));
  assert.deepEqual(assign(rig, 99, 'removing'), refused('unknown-node'));
});

test('a removal that costs replicas has to be forced, and the last node stays', () => {
  const rig = settled(3);
  const { version } = rig.map;
  assert.deepEqual(assign(rig, 3, 'removing'), refused('fewer-replicas'));
  assert.equal(rig.map.version, version);
  assert.equal(assign(rig, 3, 'removing', true).type, 'done');
  settle(rig);
  assert.equal(assign(rig, 2, 'removing', true).type, 'done');
  settle(rig);
  assert.deepEqual(assign(rig, 1, 'removing', true), refused('last-node'));
  assert.deepEqual(holdersOf(rig), Array(5).fill([1]));
});

test('a node without weight is removed at once', () => {
  const rig = settled(3);
  rig.mustSay(joining(4, { weight: 0 }));
  assert.equal(assign(rig, 4, 'removing').type, 'done');
  assert.equal(rowOf(rig, 4), undefined, 'nothing ever listed it');
});

test('a removal can be cancelled while it moves, but not once the node is replaced', () => {
  const rig = settled(4);
  assign(rig, 2, 'removing');
  assert.equal(assign(rig, 2, 'active').type, 'done');
  settle(rig);
  assert.equal(rowOf(rig, 2)?.membership, 'active');
  rig.mustSay(rejoining(2, 9));
  assert.deepEqual(assign(rig, 2, 'active'), refused('replaced'));
});

test('a late copy of an earlier command undoes nothing', () => {
  const rig = settled(4);
  const node = 2 as NodeId;
  const said = (membership: NodeMembership): CatalogCommand => {
    const revision = rowOf(rig, node)?.revision ?? 0;
    return { type: 'set-membership', node, revision, membership, isForced: false };
  };
  const drain = said('draining');
  rig.mustSay(drain);
  const undrain = said('active');
  rig.mustSay(undrain);
  assert.deepEqual(rig.say(drain), refused('stale-revision'));
  rig.mustSay(said('removing'));
  assert.deepEqual(rig.say(undrain), refused('stale-revision'));
  assert.equal(rowOf(rig, node)?.membership, 'removing');
});

test('a silent node is not removed where a shard has no majority without it', () => {
  const rig = settled(3, { shards: 1 });
  const removal = {
    ...{ type: 'set-membership', node: 3, revision: 0, membership: 'removing' },
    isForced: true,
  };
  const objection = (isUp: (node: NodeId) => boolean) =>
    objectionOf(rig.map, removal as CatalogCommand, isUp);
  assert.equal(
    objection((node) => node === 1),
    'no-majority',
  );
  assert.equal(
    objection((node) => node !== 3),
    undefined,
  );
  assert.equal(
    objection((node) => node === 3),
    undefined,
    'it can give its data away itself',
  );
  const young = founded(2);
  const founder = { ...removal, node: 1 } as CatalogCommand;
  assert.equal(
    objectionOf(young.map, founder, (node) => node === 2),
    'no-majority',
  );
});

test('a drained node gives its replicas to nodes with room, and gets them back', () => {
  const rig = settled(4, { shards: 8 });
  assign(rig, 2, 'draining');
  settle(rig);
  assert.ok(holdersOf(rig).every((nodes) => nodes.join() === '1,3,4'));
  assert.ok(rowOf(rig, 2), 'it stays a node');
  assign(rig, 2, 'active');
  settle(rig);
  assert.ok(holdersOf(rig).flat().includes(2));
});

test('without room a drained node keeps its replicas and is preferred nowhere', () => {
  const rig = settled(3, { shards: 9 });
  const leads = () => rig.map.shards.filter(({ preferredNode }) => preferredNode === 2).length;
  assert.equal(leads(), 3);
  assign(rig, 2, 'draining');
  settle(rig);
  assert.deepEqual(holdersOf(rig), Array(10).fill([1, 2, 3]));
  assert.equal(leads(), 0);
  rig.mustSay(joining(4));
  settle(rig);
  assert.ok(
    holdersOf(rig).every((nodes) => nodes.join() === '1,3,4'),
    'now there is room',
  );
  assign(rig, 2, 'active');
  settle(rig);
  assert.ok(leads() > 0);
});

test('a dead node with weight does not block the drain of another one', () => {
  const rig = settled(5, { shards: 16 });
  assign(rig, 4, 'draining');
  settle(rig, [3]);
  for (const { shard, members } of rig.map.shards) {
    const voting = members.filter(({ isVoter }) => isVoter).map(({ node }) => node as number);
    assert.ok(!voting.includes(4), `shard ${shard}: ${voting}`);
  }
  assert.ok(holdersOf(rig).flat().includes(3), 'the dead one keeps what it had');
});

test('where only a dead node has room, the drained one keeps its replicas', () => {
  const rig = settled(4, { shards: 8 });
  const before = holdersOf(rig)
    .flat()
    .filter((node) => node === 4).length;
  assign(rig, 4, 'draining');
  settle(rig, [3]);
  const kept = holdersOf(rig).filter((nodes) => nodes.includes(4));
  assert.ok(kept.length > 0 && kept.length < before);
  assert.ok(kept.every((nodes) => !nodes.includes(3)));
  settle(rig);
  assert.ok(
    holdersOf(rig)
      .flat()
      .every((node) => node !== 4),
  );
});

test('a difference between maps drops the rows of nodes that left', () => {
  const rig = settled(4);
  const before = rig.map;
  assign(rig, 2, 'removing');
  settle(rig);
  const update = encodeMap(rig.map, before.version);
  assert.deepEqual(decodeMap(update, before), rig.map);
  assert.deepEqual(decodeMap(encodeMap(rig.map, 0), undefined), rig.map);
});

test('shards with a voter on a lost node are moved first', () => {
  const rig = settled(7, { shards: 64 });
  rig.mustSay(joining(20));
  rig.mustSay(plan(rig)[0] as CatalogCommand);
  rig.mustSay(rejoining(5, 21));
  const atRisk = rig.map.shards.filter(({ members }) => members.some(({ node }) => node === 5));
  const places = plan(rig, [5]).filter((command) => command.type === 'place');
  assert.equal(places.length, CATALOG_LIMITS.movingShardsMax);
  for (const { shard } of places) assert.ok(atRisk.includes(rig.row(shard)), `shard ${shard}`);
  const others = rig.map.shards.filter((row) => {
    return !atRisk.includes(row) && row.goal.join() !== wantedNodes(row).join();
  });
  const last = Math.max(...places.map(({ shard }) => shard));
  assert.ok(
    others.some(({ shard }) => shard < last),
    `${others.map(({ shard }) => shard)} wait`,
  );
});
