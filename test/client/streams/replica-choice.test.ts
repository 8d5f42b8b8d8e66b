/** Which replica serves a stream next. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../../src/base/ids.ts';
import { ReplicaChoice } from '../../../src/client/core/streams/replica-choice.ts';

const NODES = [1, 2, 3] as NodeId[];
const LEADER = 2 as NodeId;

function nextOf(choice: ReplicaChoice, connected = [1, 2, 3], replicas: 'any' | 'leader' = 'any') {
  return choice.next({
    nodes: NODES,
    leader: LEADER,
    replicas,
    isConnected: (node) => connected.includes(node),
    pick: (nodes) => nodes[0],
  });
}

test('followers come first, and the leader when they have failed', () => {
  const choice = new ReplicaChoice();
  equal(nextOf(choice), 1);
  choice.fail(1 as NodeId);
  equal(nextOf(choice), 3);
  choice.fail(3 as NodeId);
  equal(nextOf(choice), 2);
  choice.fail(LEADER);
  equal(nextOf(choice), undefined);
});

test('a stream that was lost goes on at a connected node, and waits for no dial', () => {
  const choice = new ReplicaChoice();
  equal(nextOf(choice, [2]), 1);
  choice.fail(1 as NodeId);
  equal(nextOf(choice, [2]), 2);
});

test('behind a replica that is not fresh comes the leader', () => {
  const choice = new ReplicaChoice();
  choice.failStale(1 as NodeId);
  equal(nextOf(choice), 2);
});

test('what one replica has forgotten is looked for at all others, at the leader last', () => {
  const choice = new ReplicaChoice();
  choice.failGone(1 as NodeId);
  ok(!choice.isLost(NODES));
  equal(nextOf(choice), 3);
  choice.failGone(3 as NodeId);
  equal(nextOf(choice), 2);
  ok(!choice.isLost(NODES));
  choice.fail(LEADER);
  ok(choice.isLost(NODES));
});

test('only the leader is asked if the watch wants it, unless changes would be lost', () => {
  const choice = new ReplicaChoice();
  equal(nextOf(choice, [], 'leader'), 2);
  choice.fail(LEADER);
  equal(nextOf(choice, [], 'leader'), 2);
  choice.failGone(LEADER);
  equal(nextOf(choice, [1, 2, 3], 'leader'), 1);
});
