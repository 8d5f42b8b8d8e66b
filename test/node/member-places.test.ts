/** Members are found where they were heard last, each in its own shard. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { MemberPlaces } from '../../src/node/member-places.ts';

const [ONE, TWO] = [1 as ShardId, 2 as ShardId];
const MEMBER = 77 as MemberId;

function node(number: number): NodeId {
  return number as NodeId;
}

test('two shards may have members of one id, on different nodes', () => {
  const places = new MemberPlaces();
  places.heard(ONE, MEMBER, node(5));
  equal(places.nodeOf(TWO, MEMBER), undefined);
  places.heard(TWO, MEMBER, node(7));
  equal(places.nodeOf(ONE, MEMBER), 5);
  equal(places.nodeOf(TWO, MEMBER), 7);
});

test('a member that moved is where it was heard last, and members of the past are bounded', () => {
  const places = new MemberPlaces();
  places.heard(ONE, MEMBER, node(5));
  places.heard(ONE, MEMBER, node(6));
  equal(places.nodeOf(ONE, MEMBER), 6);
  for (let at = 1; at < NODE_LIMITS.membersMax; at++) {
    places.heard(ONE, (1000 + at) as MemberId, node(6));
  }
  equal(places.nodeOf(ONE, MEMBER), 6);
  places.heard(ONE, 999 as MemberId, node(6));
  equal(places.nodeOf(ONE, MEMBER), undefined);
  equal(places.nodeOf(ONE, 999 as MemberId), 6);
});
