/** Which peers are heard and which are silent, and the guessed leaders. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import type { ShardRow } from '../../src/catalog/cluster-map.ts';
import { LeaderCache } from '../../src/node/leader-cache.ts';
import { Peers } from '../../src/node/peers.ts';

const [ONE, TWO, THREE] = [1 as NodeId, 2 as NodeId, 3 as NodeId];
const SILENCE = NODE_LIMITS.silenceMilliseconds;

test('silence is a new event once, and is reported again and again', () => {
  const peers = new Peers();
  peers.set([ONE, TWO], 0);
  peers.hear(TWO, SILENCE - 1);
  deepEqual(peers.silent(SILENCE), [{ node: ONE, isNews: true }]);
  deepEqual(peers.silent(SILENCE + 1), []);
  equal(peers.isHeard(ONE, SILENCE), false);
  peers.hear(TWO, 2 * SILENCE);
  deepEqual(peers.silent(2 * SILENCE), [{ node: ONE, isNews: false }]);
  peers.hear(ONE, 2 * SILENCE);
  deepEqual(peers.silent(3 * SILENCE - 1), []);
  deepEqual(
    peers.silent(3 * SILENCE).map(({ isNews }) => isNews),
    [true, true],
  );
});

test('only nodes of the map are peers', () => {
  const peers = new Peers();
  peers.set([ONE], 0);
  peers.hear(TWO, 5);
  equal(peers.isHeard(TWO, 5), false);
  peers.set([TWO], 10);
  deepEqual(peers.nodes, [TWO]);
  equal(peers.isHeard(TWO, 10), true, 'who is new gets time to speak');
});

test('every peer gets one heartbeat an interval, whatever else was sent', () => {
  const peers = new Peers();
  peers.set([ONE, TWO], 0);
  const beat = NODE_LIMITS.beatMilliseconds;
  peers.greeted(ONE, beat - 1);
  deepEqual(peers.due(beat), [TWO]);
});

const SHARD = 4 as ShardId;

function rowOf(nodes: readonly NodeId[], preferredNode: NodeId): ShardRow {
  const members = nodes.map((node) => {
    return { member: (node * 100) as MemberId, node, isWanted: true, isVoter: true };
  });
  return { shard: SHARD, members, preferredNode } as unknown as ShardRow;
}

test('the preferred node is the first guess, and each miss brings another one', () => {
  const leaders = new LeaderCache();
  const row = rowOf([ONE, TWO, THREE], TWO);
  equal(leaders.guess(row), TWO);
  const guesses = new Set<NodeId | undefined>();
  for (let at = 0; at < 3; at++) {
    leaders.learn(SHARD, 0);
    guesses.add(leaders.guess(row));
  }
  deepEqual([...guesses].sort(), [ONE, TWO, THREE]);
});

test('a named leader is believed while it is on the map', () => {
  const leaders = new LeaderCache();
  leaders.learn(SHARD, THREE);
  equal(leaders.guess(rowOf([ONE, TWO, THREE], ONE)), THREE);
  equal(leaders.guess(rowOf([ONE], ONE)), ONE);
  equal(leaders.guess(rowOf([], ONE)), undefined);
});

test('a peer with repeatedly slow messages is waited for longer, up to a bound', () => {
  const peers = new Peers();
  peers.set([ONE], 0);
  const { silenceMillisecondsMax, gapWindowTicks } = NODE_LIMITS;
  const pass = (ticks: number) => {
    for (let tick = 0; tick < ticks; tick++) peers.tick();
  };
  const gap = SILENCE - 100;
  let now = gap;
  peers.hear(ONE, now);
  equal(peers.isHeard(ONE, now + SILENCE), false, 'once is no reason');
  pass(gapWindowTicks);
  now += gap;
  peers.hear(ONE, now);
  equal(peers.isHeard(ONE, now + 3 * gap - 1), true, 'three times as long as it took');
  equal(peers.isHeard(ONE, now + 3 * gap), false);
  for (let round = 0; round < 2; round++) {
    pass(gapWindowTicks);
    now += silenceMillisecondsMax - 1;
    peers.hear(ONE, now);
  }
  equal(peers.isHeard(ONE, now + silenceMillisecondsMax - 1), true);
  equal(peers.isHeard(ONE, now + silenceMillisecondsMax), false, 'the bound');
  pass(2 * gapWindowTicks);
  equal(peers.isHeard(ONE, now + SILENCE), false, 'it is forgotten');
  for (let round = 0; round < 2; round++) {
    pass(gapWindowTicks);
    now += 2 * silenceMillisecondsMax;
    peers.hear(ONE, now);
  }
  equal(peers.isHeard(ONE, now + SILENCE), false, 'what was down is not slow');
});
