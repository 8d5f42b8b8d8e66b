/** A majority lost entries that it had acknowledged: the fate of the node that has them. */

import { equal, fail, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import type { Computer } from '../cluster/computer.ts';
import { Stage } from '../cluster/stage.ts';

const SHARD = 1 as ShardId;
const REPAIR_MILLISECONDS = 30_000;

interface Forked {
  readonly stage: Stage;
  readonly witness: Computer;
}

interface Rows {
  readonly lost: number;
  readonly since: number;
  /** Elections between the copies and what is lost, each of them won by another node. */
  readonly elections?: number;
}

/** Two computers go back in time; the third, which is down, has what they acknowledged since. */
function fork(seed: number, { lost, since, elections = 0 }: Rows): Forked {
  const stage = new Stage(seed, { nodes: 3, shards: 1, isForked: true });
  const [witness = fail(), ...others] = [...stage.computers].reverse();
  stage.put({ count: 100, atOnce: 1, value: 'before' });
  // Made in the life that all others know, so nothing shows that they are copies.
  const copies = others.map((computer) => computer.copyFolder());
  for (let at = 0; at < elections; at++) elect(stage);
  stage.put({ count: lost, atOnce: 1, value: 'lost' });
  stage.run(3000);
  for (const computer of stage.computers) computer.crash({ isPower: true });
  for (const [at, computer] of others.entries()) {
    computer.turnBack(copies[at] ?? fail());
    computer.start();
  }
  stage.until('the others serve', () => stage.isServed());
  stage.put({ count: since, atOnce: 1, value: 'since' });
  return { stage, witness };
}

/** Its leader gives the shard away. */
function elect(stage: Stage): void {
  const before = stage.leaderOf(SHARD);
  const leader = replicaOn(stage.computer(before));
  const { voters } = leader.status().configuration.configuration;
  const heir = voters.find((voter) => voter !== leader.member) ?? fail('it has other voters');
  leader.step({ type: 'transfer', to: heir });
  const isOver = () => stage.leaderOf(SHARD) > 0 && stage.leaderOf(SHARD) !== before;
  stage.until('another node leads', isOver, 10_000);
}

function replicaOn({ core }: Computer) {
  return core?.state.replicas.get(SHARD) ?? fail('it has a replica');
}

/** Whatever a life of it finds, the next one is no worse off. */
function startTwice({ stage, witness }: Forked): void {
  for (const isLast of [false, true]) {
    witness.start();
    stage.until('it is back', () => witness.core?.ownLife.isConfirmed === true, 10_000);
    if (isLast) return;
    stage.run(30);
    witness.crash({ isPower: true });
  }
}

/** The witness is a voter: the shard serves after another node is lost for good. */
function countOn({ stage, witness }: Forked): void {
  equal(replicaOn(witness).stopReason, '');
  stage.computers.find((one) => one !== witness)?.lose();
  stage.run(10_000);
  const { ok: written, failed } = stage.servedIn(5000);
  ok(written > 50 && failed === 0, `${written} written, ${failed} failed`);
  notEqual(stage.leaderOf(SHARD), 0);
  stage.rest();
  equal(stage.read('row 0'), 'since');
}

// The history since ends within what was lost, or a little behind it. The node's own may be the
// better one by Raft's measure, so that it is elected, and a majority knows better.
for (const [at, rows] of [
  { lost: 20, since: 5 },
  { lost: 20, since: 30 },
  { lost: 120, since: 150 },
  { lost: 20, since: 5, elections: 3 },
  { lost: 20, since: 30, elections: 3 },
  { lost: 120, since: 150, elections: 3 },
].entries()) {
  const { lost, since, elections = 0 } = rows;
  const name = `a node with ${lost} rows that a majority lost is replaced, ${since} rows later`;
  test(`${name}, after ${elections} elections`, () => {
    const forked = fork(at + 1, rows);
    const { stage, witness } = forked;
    const { node = fail() } = witness;
    const before = stage.memberOn(node, SHARD)?.member;
    startTwice(forked);
    stage.writeOn();
    let voters = 3;
    const isNew = () => {
      voters = Math.min(voters, votersIn(stage));
      return stage.memberOn(node, SHARD)?.member !== before && stage.isWhole(SHARD);
    };
    stage.until('a new member is in its place', isNew, REPAIR_MILLISECONDS);
    ok(voters >= 2, 'both of the others vote all the time');
    ok(stage.probes.counts.has('replica-lost'), 'people were told');
    countOn(forked);
  });
}

/** As the shard's leader has them. */
function votersIn(stage: Stage): number {
  const leader = stage.leaderOf(SHARD);
  if (leader === 0) return 3;
  const { configuration } = replicaOn(stage.computer(leader)).status().configuration;
  return configuration.voters.length;
}

test('a node whose log ends before the base of the others takes their snapshot', () => {
  const forked = fork(4, { lost: 10, since: 400 });
  const { stage, witness } = forked;
  const { node = fail() } = witness;
  const before = stage.memberOn(node, SHARD)?.member;
  // The others' logs forget a checkpoint once another batch has followed it.
  for (let batch = 0; batch < 2; batch++) {
    stage.put({ count: 1, atOnce: 1, value: 'since' });
    stage.run(STATE_LIMITS.checkpointMilliseconds + 500);
  }
  startTwice(forked);
  stage.writeOn();
  const hasAll = () => replicaOn(witness).applied > 400 && stage.isWhole(SHARD);
  stage.until('it has what the others have', hasAll, REPAIR_MILLISECONDS);
  equal(stage.memberOn(node, SHARD)?.member, before, 'nothing of its own stands against it');
  countOn(forked);
});
