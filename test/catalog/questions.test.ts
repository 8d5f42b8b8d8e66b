/** The shard of a key, and the replicas of a node. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { memberOn, nodeOf, replicasDue, shardAt } from '../../src/catalog/questions.ts';
import { founded } from './rows.ts';

test('every position of the ring lies in the arc of its shard', () => {
  const random = new Random(31);
  for (const shards of [1, 2, 3, 16, 100, 1000, 1024]) {
    const { map } = founded(1, { shards });
    const edges = map.shards.slice(1).flatMap(({ from, to }) => [from, to - 1]);
    const positions = [...edges, ...Array.from({ length: 1000 }, () => random.word())];
    for (const position of positions) {
      const { from, to } = shardAt(map, position);
      assert.ok(from <= position && position < to, `${position} of ${shards}`);
    }
  }
});

test('a founder starts its shards until they are founded, and never again', () => {
  const rig = founded(2, { shards: 2 });
  const births = () => replicasDue(rig.map, 1 as NodeId).map(({ birth }) => birth);
  assert.deepEqual(births(), ['blank', 'found', 'found']);
  rig.report(2, { term: 1, voters: [1002] });
  assert.deepEqual(births(), ['blank', 'found', 'blank']);
  assert.deepEqual(replicasDue(rig.map, 2 as NodeId), []);
});

test('a wanted member is created blank, and one that is being removed is not created', () => {
  const rig = founded(2, { shards: 1 });
  rig.report(1, { term: 1, voters: [1001] });
  rig.place(1, [
    [1, 1001],
    [2, 21],
  ]);
  const due = () => replicasDue(rig.map, 2 as NodeId);
  assert.deepEqual(due(), [{ shard: 1, member: 21, birth: 'blank' }]);
  rig.place(1, [[1, 1001]]);
  assert.deepEqual(due(), [{ shard: 1, member: 21, birth: 'none' }]);
  rig.report(1, { term: 1, voters: [1001] });
  assert.deepEqual(due(), []);
});

test('a member is found on its node, and a node by its member', () => {
  const rig = founded(2);
  rig.place(1, [[2, 21]]);
  assert.equal(nodeOf(rig.row(1), 21 as MemberId), 2);
  assert.equal(nodeOf(rig.row(1), 1001 as MemberId), 1);
  assert.equal(nodeOf(rig.row(1), 22 as MemberId), undefined);
  assert.equal(memberOn(rig.row(1), 2 as NodeId)?.member, 21);
  assert.equal(memberOn(rig.row(2), 2 as NodeId), undefined);
});
