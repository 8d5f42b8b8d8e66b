/** The effect of each command, and when it is refused. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogCommand, CatalogRefusal, CommandOf } from '../../src/catalog/command.ts';
import { encodeCommand } from '../../src/catalog/command.ts';
import { memberOn, nodeNumbered } from '../../src/catalog/questions.ts';
import { describe, foundation, founded, joining, Rig, tokenOf } from './rows.ts';

function refused(reason: CatalogRefusal) {
  return { type: 'refused', reason };
}

/** `words` are those of the boots before it and, last, its own. */
function announcement(
  node: number,
  incarnation: number,
  ...words: readonly number[]
): CatalogCommand {
  const description = describe(`moved-${words.at(-1)}`);
  const joinToken = tokenOf(node);
  const lineage = { incarnation, words };
  return { type: 'announce', node: node as NodeId, joinToken, lineage, description };
}

test('before the foundation every command is refused', () => {
  const rig = new Rig();
  assert.deepEqual(rig.say(joining(2)), refused('not-founded'));
  assert.deepEqual(rig.say(announcement(1, 1, 1)), refused('not-founded'));
  assert.equal(rig.catalog.map, undefined);
});

test('a founded cluster has one node, all its shards, and a founder for each', () => {
  const rig = new Rig();
  assert.deepEqual(rig.say(foundation({ shards: 4 })), { type: 'done', version: 1, node: 1 });
  assert.deepEqual(
    rig.map.shards.map(({ shard, founder, isFounded, from, to }) => [
      shard,
      founder,
      isFounded,
      from,
      to,
    ]),
    [
      [0, 1000, true, 0, 0],
      [1, 1001, false, 0, 2 ** 30],
      [2, 1002, false, 2 ** 30, 2 ** 31],
      [3, 1003, false, 2 ** 31, 3 * 2 ** 30],
      [4, 1004, false, 3 * 2 ** 30, 2 ** 32],
    ],
  );
});

test('a cluster is founded once, and its founder may repeat the command', () => {
  const rig = founded(2);
  assert.deepEqual(rig.say(foundation()), { type: 'done', version: 2, node: 1 });
  const other = { ...foundation(), clusterId: 'elsewhere' };
  assert.deepEqual(rig.say(other), refused('already-founded'));
  assert.deepEqual(rig.say({ ...foundation(), joinToken: tokenOf(2) }), refused('already-founded'));
});

test('a foundation without a member for each shard, a name or a weight is refused', () => {
  for (const fault of [
    { members: foundation().members.slice(1) },
    { clusterId: '' },
    { description: describe('one', { weight: 0 }) },
  ]) {
    assert.deepEqual(new Rig().say({ ...foundation(), ...fault }), refused('unsound'));
  }
});

test('a data folder gets one number however often it asks, and no number is assigned twice', () => {
  const rig = founded(1);
  assert.equal(rig.mustSay(joining(2)), 2);
  assert.equal(rig.mustSay(joining(3)), 3);
  assert.equal(rig.mustSay(joining(2)), 2);
  assert.equal(rig.mustSay(joining(4)), 4);
  assert.deepEqual(
    rig.map.nodes.map(({ node }) => node),
    [1, 2, 3, 4],
  );
  assert.equal(rig.map.nextNode, 5);
});

test('the number of nodes in a cluster is bounded', () => {
  const rig = founded(CATALOG_LIMITS.nodesMax);
  assert.deepEqual(rig.say(joining(1000)), refused('full'));
  assert.equal(rig.mustSay(joining(7)), 7);
});

test('the number of nodes that joined and never started is bounded', () => {
  const rig = founded(CATALOG_LIMITS.newcomersMax - 1);
  rig.mustSay(joining(99));
  assert.deepEqual(rig.say(joining(100)), refused('too-many-newcomers'));
  assert.equal(rig.mustSay(joining(7)), 7, 'one of them asks again');
  rig.mustSay(announcement(7, 1, 1));
  rig.mustSay(joining(100));
  assert.deepEqual(rig.say(joining(101)), refused('too-many-newcomers'));
  const { revision } = nodeNumbered(rig.map, 8 as NodeId) ?? { revision: 0 };
  const removal = { node: 8 as NodeId, revision, membership: 'removing', isForced: true } as const;
  rig.mustSay({ type: 'set-membership', ...removal });
  rig.mustSay(joining(101));
});

test('the description of a node is validated when it joins and when it is announced', () => {
  const rig = founded(2);
  const evil = describe('x', { peerUrl: 'ws://a:1/admin?x=' });
  assert.deepEqual(
    rig.say({ ...joining(5), description: evil } as CatalogCommand),
    refused('unsound'),
  );
  const moved = { ...announcement(2, 1, 1), description: evil } as CatalogCommand;
  assert.deepEqual(rig.say(moved), refused('unsound'));
});

test('a node is announced in lives that follow each other, and each may be repeated', () => {
  const rig = founded(2);
  rig.mustSay(announcement(2, 3, 77));
  assert.equal(nodeNumbered(rig.map, 2 as NodeId)?.peerUrl, 'ws://moved-77:7001');
  const { version } = rig.map;
  rig.mustSay(announcement(2, 3, 77));
  assert.equal(rig.map.version, version);
  rig.mustSay(announcement(2, 4, 77, 78));
  assert.equal(nodeNumbered(rig.map, 2 as NodeId)?.life, 78);
});

test('a life that does not follow the known one is refused, whatever its number', () => {
  const rig = founded(2);
  rig.mustSay(announcement(2, 3, 75, 76, 77));
  assert.deepEqual(rig.say(announcement(2, 2, 75, 76)), refused('older-copy'));
  assert.deepEqual(rig.say(announcement(2, 3, 75, 76, 99)), refused('older-copy'));
  assert.deepEqual(rig.say(announcement(2, 9, 75, 76, 98, 99)), refused('older-copy'));
  assert.deepEqual(rig.say(announcement(2, 4, 77)), refused('unsound'), 'a word of two boots');
  assert.equal(nodeNumbered(rig.map, 2 as NodeId)?.life, 77);
  assert.deepEqual(rig.say(announcement(9, 9, 9)), refused('unknown-node'));
  const stranger = { ...announcement(2, 9, 9), joinToken: tokenOf(1) } as CatalogCommand;
  assert.deepEqual(rig.say(stranger), refused('wrong-token'));
});

test('a node that was never announced has no life that could be repeated', () => {
  const rig = founded(2);
  assert.deepEqual(rig.say(announcement(2, 0, 0)), refused('unsound'));
});

test('a placement sets the wanted members, and unwanted ones stay listed', () => {
  const rig = founded(4);
  const placed = rig.place(1, [
    [1, 1001],
    [2, 21],
    [3, 31],
  ]);
  assert.equal(placed.type, 'done');
  rig.place(1, [
    [2, 21],
    [3, 31],
    [4, 41],
  ]);
  assert.deepEqual(
    rig.row(1).members.map(({ node, member, isWanted }) => [node, member, isWanted]),
    [
      [1, 1001, false],
      [2, 21, true],
      [3, 31, true],
      [4, 41, true],
    ],
  );
});

test('a placement by an old row, of unknown nodes or an inconsistent one is refused', () => {
  const rig = founded(3);
  const { revision } = rig.row(1);
  rig.place(1, [[2, 21]]);
  const late: CatalogCommand = { type: 'place', shard: rig.row(1).shard, revision, members: [] };
  assert.deepEqual(rig.say(late), refused('stale-revision'));
  assert.deepEqual(rig.place(9, [[2, 21]]), refused('unknown-shard'));
  assert.deepEqual(rig.place(1, [[7, 71]]), refused('unknown-node'));
  const faults: [number, number][][] = [
    [],
    [[2, 22]],
    [[3, 21]],
    [
      [2, 21],
      [2, 21],
    ],
    [
      [2, 21],
      [3, 31],
      [1, 31],
    ],
  ];
  for (const fault of faults) assert.deepEqual(rig.place(1, fault), refused('unsound'));
});

test('a member that is being removed never comes back, and its node gets a new one later', () => {
  const rig = founded(2);
  rig.report(1, { term: 1, voters: [1001] });
  rig.place(1, [
    [1, 1001],
    [2, 21],
  ]);
  rig.place(1, [[1, 1001]]);
  const again: [number, number][] = [
    [1, 1001],
    [2, 21],
  ];
  assert.deepEqual(rig.place(1, again), refused('unsound'));
  rig.report(1, { term: 1, voters: [1001] });
  assert.equal(memberOn(rig.row(1), 2 as NodeId), undefined);
  assert.equal(
    rig.place(1, [
      [1, 1001],
      [2, 22],
    ]).type,
    'done',
  );
});

test('the number of listed members is bounded', () => {
  const rig = founded(24);
  const wanted = (from: number) =>
    Array.from({ length: 7 }, (_, at): [number, number] => [from + at, 500 + from + at]);
  rig.place(1, wanted(2));
  rig.place(1, wanted(9));
  assert.equal(rig.row(1).members.length, 15);
  assert.deepEqual(rig.place(1, wanted(16)), refused('full'));
});

test('a member is dropped once it is neither wanted nor in the configuration', () => {
  const rig = founded(3);
  rig.report(1, { term: 1, voters: [1001] });
  rig.place(1, [
    [2, 21],
    [3, 31],
  ]);
  rig.report(1, { term: 1, voters: [1001], learners: [21, 31] });
  assert.deepEqual(
    rig.row(1).members.map(({ node, isVoter }) => [node, isVoter]),
    [
      [1, true],
      [2, false],
      [3, false],
    ],
  );
  rig.report(1, { term: 1, voters: [21, 31], learners: [1001] });
  assert.equal(rig.row(1).members.length, 3, 'a learner is in the configuration');
  rig.report(1, { term: 1, voters: [21, 31] });
  assert.deepEqual(
    rig.row(1).members.map(({ node }) => node),
    [2, 3],
  );
});

test('the report of an older leader, or about an older row, drops no member', () => {
  const rig = founded(2);
  rig.place(1, [[2, 21]]);
  rig.report(1, { term: 5, voters: [1001], learners: [21] });
  assert.deepEqual(rig.report(1, { term: 4, voters: [21] }), refused('older-leader'));
  const report = { type: 'report', shard: rig.row(1).shard, term: 6, learners: [] } as const;
  const revision = rig.row(1).revision - 1;
  const stale = { ...report, revision, voters: [21 as MemberId] };
  assert.deepEqual(rig.say(stale), refused('stale-revision'));
  assert.deepEqual(rig.report(1, { term: 6, voters: [] }), refused('unsound'));
  assert.equal(rig.row(1).members.length, 2);
});

test('a lost member is no longer wanted, unless it is the only one', () => {
  const rig = founded(2);
  rig.place(1, [
    [1, 1001],
    [2, 21],
  ]);
  const lose = { type: 'lose', shard: rig.row(1).shard } as const;
  rig.mustSay({ ...lose, member: 1001 as MemberId });
  assert.deepEqual(
    rig.row(1).members.map(({ isWanted }) => isWanted),
    [false, true],
  );
  const { version } = rig.map;
  assert.equal(rig.say({ ...lose, member: 1001 as MemberId }).type, 'done');
  assert.equal(rig.map.version, version);
  assert.deepEqual(rig.say({ ...lose, member: 21 as MemberId }), refused('unsound'));
  assert.equal(rig.say({ ...lose, member: 77 as MemberId }).type, 'done');
  const nowhere = { ...lose, shard: 99 as ShardId, member: 21 as MemberId };
  assert.deepEqual(rig.say(nowhere), refused('unknown-shard'));
});

test('a shard is founded by the first report, and a report without news changes nothing', () => {
  const rig = founded(1);
  rig.report(1, { term: 1, voters: [1001] });
  assert.ok(rig.row(1).isFounded);
  const { version } = rig.map;
  assert.deepEqual(rig.report(1, { term: 1, voters: [1001] }), { type: 'done', version, node: 0 });
  assert.equal(rig.map.version, version);
});

test('an aim changes the goals that differ, and their basis', () => {
  const rig = founded(2, { shards: 2 });
  const basis = { weight: 1, zone: '', isDrained: false };
  const nodes = [1, 2].map((node) => ({ node: node as NodeId, ...basis }));
  const goal = [1, 2] as NodeId[];
  const shards = [
    { goal: [1 as NodeId], preferredNode: 0 as NodeId },
    { goal, preferredNode: 1 as NodeId },
    { goal, preferredNode: 2 as NodeId },
  ];
  const before = rig.row(0).revision;
  const aim: CommandOf<'aim'> = { type: 'aim', aimedAt: 0, nodes, shards };
  rig.mustSay(aim);
  assert.equal(rig.row(0).revision, before);
  assert.deepEqual(rig.row(2).goal, [1, 2]);
  assert.equal(rig.row(2).preferredNode, 2);
  assert.deepEqual(nodeNumbered(rig.map, 2 as NodeId)?.basis, basis);
  assert.deepEqual(rig.say(aim), refused('stale-revision'));
  const { aimedAt } = rig.map;
  assert.deepEqual(rig.say({ ...aim, aimedAt, shards: shards.slice(1) }), refused('unsound'));
  assert.deepEqual(rig.say({ ...aim, aimedAt, nodes: nodes.slice(1) }), refused('unsound'));
  const strange = [{ node: 3 as NodeId, ...basis }, ...nodes];
  assert.deepEqual(rig.say({ ...aim, aimedAt, nodes: strange }), refused('unknown-node'));
});

test('a command of an unknown kind stops the replica, and malformed bytes are refused', () => {
  const rig = founded(1);
  assert.deepEqual(rig.apply(Uint8Array.of(0x92, 99, 0)), { type: 'unknown-command', kind: 99 });
  for (const bytes of [[], [0xc0], [0x90], [0x91, 2], [0xff, 0xff]]) {
    const applied = rig.apply(Uint8Array.from(bytes));
    assert.deepEqual(applied, { type: 'applied', writes: [], reply: refused('malformed') });
  }
});

test('entries come in order', () => {
  const rig = founded(2);
  const payload = encodeCommand(joining(3));
  const again = new Catalog({ view: rig.rows });
  assert.throws(() => again.apply({ index: 2, payload }), /entries come in order/);
});
