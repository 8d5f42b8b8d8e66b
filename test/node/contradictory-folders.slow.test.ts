/**
 * Folders with another history than the other nodes have, since those lost theirs. Each is made by
 * hand and opened twice, and the cluster is whole in the end.
 */

import { fail, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import type { SnapshotDescription } from '../../src/raft/message.ts';
import type { Write } from '../../src/raft/ready.ts';
import type { RestoredReplica } from '../../src/storage/log/log.ts';
import { Stage } from '../cluster/stage.ts';

const SHARD = 1 as ShardId;
const [ONE, TWO, THREE] = [1 as NodeId, 2 as NodeId, 3 as NodeId];
const REPAIR_MILLISECONDS = 30_000;

function writeOf(found: RestoredReplica, change: Partial<Write>): Write {
  const { hardState, log } = found;
  const mark = { number: 1, position: { index: log.lastIndex, term: hardState.term } };
  return { mark, hardState, snapshot: undefined, entries: [], repairs: [], ...change };
}

function promisesOf({ hardState }: RestoredReplica, term: number, commit = hardState.commit) {
  return { term, vote: NO_MEMBER, commit };
}

function lastTermOf({ log }: RestoredReplica): number {
  return log.runs.at(-1)?.term ?? log.base.term;
}

function snapshotAt(found: RestoredReplica, index: number, term: number): SnapshotDescription {
  const { at, configuration } = found.configurations[0] ?? fail('a log has a configuration');
  return { index, term, configuration, configurationAt: at };
}

/** Ends before the base of the others' logs, so their snapshot is all that it needs. */
function asBehind(found: RestoredReplica): Write {
  const snapshot = snapshotAt(found, found.log.lastIndex, lastTermOf(found) - 1);
  return writeOf(found, { snapshot });
}

const FOLDERS: Readonly<Record<string, (found: RestoredReplica) => Write>> = {
  'more is committed than the log has': (found) => {
    const { lastIndex } = found.log;
    return writeOf(found, { hardState: promisesOf(found, found.hardState.term, lastIndex + 50) });
  },
  'the last entry is of a later term than the promises': (found) => {
    const entry = { index: found.log.lastIndex + 1, term: found.hardState.term + 3 };
    return writeOf(found, { entries: [{ ...entry, kind: 'empty' }] });
  },
  'the log begins behind an entry of a later term': (found) => {
    const term = found.hardState.term + 1;
    const snapshot = snapshotAt(found, found.log.lastIndex, term);
    return writeOf(found, { snapshot, hardState: promisesOf(found, term, snapshot.index) });
  },
  'the log ends with a committed entry that the others do not have': (found) => {
    const [index, term] = [found.log.lastIndex - 5, found.hardState.term + 1];
    const hardState = promisesOf(found, term, index);
    return writeOf(found, { hardState, entries: [{ index, term, kind: 'empty' }] });
  },
};

/** Node 3 has such a folder, and is started twice. */
function open(seed: number, amend: (found: RestoredReplica) => Write) {
  const stage = new Stage(seed, { nodes: 3, shards: 1, isForked: true });
  const three = stage.computers.find((one) => one.node === 3) ?? fail('there is a node 3');
  // The shard is in a term before which there was another.
  stage.computer(stage.leaderOf(SHARD)).crash({ isPower: true });
  stage.run(3000);
  for (const computer of stage.computers) computer.start();
  stage.writeOn();
  stage.run(3000);
  const members = new Map(stage.row(SHARD).members.map(({ node, member }) => [node, member]));
  three.crash({ isPower: true });
  stage.run(1000);
  three.amendLog(SHARD, amend);
  stage.run(1000);
  for (const milliseconds of [30, 0]) {
    three.start();
    stage.until('it is back', () => three.core?.ownLife.isConfirmed === true, 10_000);
    if (milliseconds === 0) break;
    stage.run(milliseconds);
    three.crash({ isPower: true });
  }
  const isKept = (node: NodeId) => stage.memberOn(node, SHARD)?.member === members.get(node);
  return { stage, three, isKept };
}

/** The replaced replica is a voter: the shard serves while another node is down. */
function loseAnother(stage: Stage): void {
  stage.computers.find((one) => one.node === 1)?.lose();
  stage.run(10_000);
  const { ok: written, failed } = stage.servedIn(5000);
  ok(written > 50 && failed === 0, `${written} written, ${failed} failed`);
}

for (const [at, [name, amend]] of Object.entries(FOLDERS).entries()) {
  test(`a node is replaced whose folder has this: ${name}`, () => {
    const { stage, isKept } = open(at + 1, amend);
    const isNew = () => !isKept(THREE) && stage.isWhole(SHARD);
    stage.until('a new member is in its place', isNew, REPAIR_MILLISECONDS);
    ok(isKept(ONE) && isKept(TWO), 'no other is replaced');
    ok(stage.probes.counts.has('replica-lost'), 'people were told');
    loseAnother(stage);
  });
}

test('a node whose log begins after an entry of an earlier term takes a snapshot', () => {
  const { stage, three, isKept } = open(10, asBehind);
  const replica = () => three.core?.state.replicas.get(SHARD) ?? fail('it has a replica');
  const hasAll = () => !replica().isCorrupt && replica().applied > replica().status().base.index;
  stage.until('it has what the others have', hasAll, REPAIR_MILLISECONDS);
  ok(isKept(ONE) && isKept(TWO) && isKept(THREE), 'no member is replaced');
  loseAnother(stage);
});
