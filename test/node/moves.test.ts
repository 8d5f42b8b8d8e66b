/** The report of a leader on moving replicas: amount, rate, and obstacles. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { CATALOG_LIMITS } from '../../src/base/limits.ts';
import type { ClusterMap, Member } from '../../src/catalog/cluster-map.ts';
import { Moves } from '../../src/node/moves.ts';
import type { RaftStatus } from '../../src/raft/status.ts';

/** `2` wanted and voting, `2-` being removed, `2+` wanted and not voting yet. */
function membersOf(words: string): Member[] {
  return words.split(' ').map((word) => ({
    node: Number.parseInt(word, 10) as NodeId,
    member: (100 + Number.parseInt(word, 10)) as MemberId,
    isWanted: !word.endsWith('-'),
    isVoter: !word.endsWith('+'),
  }));
}

interface Follower {
  readonly node: number;
  readonly match: number;
  readonly snapshotBytes?: number;
}

function ledShard(words: string, followers: readonly Follower[], isLeader = true) {
  const rows = followers.map(({ node, match, snapshotBytes = 0 }) => ({
    ...{ member: 100 + node, match, snapshotBytes },
    state: snapshotBytes > 0 ? 'snapshot' : 'replicate',
  }));
  const status = () => ({ followers: rows, last: { index: 500, term: 3 } });
  const replica = { shard: 1 as ShardId, isLeader, status: status as unknown as () => RaftStatus };
  const shards = [{ members: [] }, { shard: 1, members: membersOf(words) }];
  return {
    map: { shards } as unknown as ClusterMap,
    replicas: [replica],
    isHeard: (node: NodeId) => node < 9,
  };
}

test('where exactly the wanted members vote, nothing moves', () => {
  assert.deepEqual(new Moves().infos(ledShard('1 2 3', [])), []);
  assert.deepEqual(new Moves().infos(ledShard('1 2- 3 4+', [], false)), [], 'others tell it');
});

test('a replica that takes the place of another is one move, with what it has of the log', () => {
  const [move, ...others] = new Moves().infos(ledShard('1 2- 3 4+', [{ node: 4, match: 120 }]));
  assert.deepEqual(others, []);
  assert.deepEqual(move, {
    ...{ shard: 1, from: 2, to: 4, phase: 'entries', done: 120, total: 500 },
    ...{ perSecond: 0, waitsForNode: 0 },
  });
});

test('before it is a learner it waits, and then the sent bytes of the state are reported', () => {
  const moves = new Moves();
  assert.equal(moves.infos(ledShard('1 4+', []))[0]?.phase, 'waiting');
  const [sent] = moves.infos(ledShard('1 4+', [{ node: 4, match: 0, snapshotBytes: 4096 }]));
  assert.deepEqual([sent?.phase, sent?.done, sent?.total], ['snapshot', 4096, 0]);
  assert.equal(moves.infos(ledShard('1 2-', []))[0]?.phase, 'leaving');
});

test('the node that is not heard is named', () => {
  const [move] = new Moves().infos(ledShard('1 2- 9+', []));
  assert.deepEqual([move?.to, move?.waitsForNode], [9, 9]);
});

test('the rate is measured between two reports, and starts anew with each phase', () => {
  const moves = new Moves();
  const sent = (snapshotBytes: number) => ledShard('1 4+', [{ node: 4, match: 0, snapshotBytes }]);
  moves.tick(0, sent(1000));
  moves.tick(500, sent(2000));
  moves.tick(2000, sent(9000));
  assert.equal(moves.infos(sent(9000))[0]?.perSecond, 4000);
  const entries = ledShard('1 4+', [{ node: 4, match: 400 }]);
  moves.tick(3000, entries);
  assert.equal(moves.infos(entries)[0]?.perSecond, 0);
});

test('the number of reported moves is bounded', () => {
  const one = ledShard('1 2- 3 4+', []);
  const length = CATALOG_LIMITS.movesToldMax + 5;
  const replicas = Array.from({ length }, () => one.replicas[0] as (typeof one.replicas)[number]);
  const told = new Moves().infos({ ...one, replicas });
  assert.equal(told.length, CATALOG_LIMITS.movesToldMax);
});
