/** A member is created once: one that ended here, or may have, never starts again. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { type LostReplica, Replicas } from '../../src/node/replicas.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';
import type { Log, LogRecord, Quarantined } from '../../src/storage/log/log.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';

const OTHER = 8 as ShardId;
const [ONE, TWO] = [501 as MemberId, 502 as MemberId];

interface Found {
  readonly quarantined?: readonly Quarantined[];
  readonly buried?: readonly MemberId[];
}

function replicasOf({ quarantined = [], buried = [] }: Found) {
  const rig = new ReplicaRig();
  const records: LogRecord[] = [];
  const lost: LostReplica[] = [];
  const log = {
    tombstones: buried.map((member) => ({ shard: SHARD, member })),
    quarantined,
    shards: [],
    reader: () => ({ read: () => 'damaged' }),
  };
  const replicas = new Replicas({
    context: rig.context,
    log: log as unknown as Log,
    random: new Random(1),
    limits: RAFT_LIMITS,
    wall: 0,
    linksOf: () => ({ room: () => Number.POSITIVE_INFINITY, taken: () => {} }),
    machineOf: () => new DataMachine({ get: () => undefined }),
    onWork: () => {},
  });
  replicas.openAll();
  lost.push(...replicas.takeLost());
  const taken = () => {
    records.push(...replicas.takeRecords());
    return records;
  };
  const settle = () => {
    rig.store.checkpoint();
    for (let at = 0; at < 20; at++) {
      rig.store.work(at);
      rig.medium.turnNow();
    }
  };
  return { replicas, taken, lost, settle };
}

function kindsOf(records: readonly LogRecord[]): readonly string[] {
  return records.map((one) => (one.type === 'create' ? `create ${one.member}` : one.type));
}

test('a replica that cannot be opened is kept until the map lists another member', () => {
  const quarantined = [{ shard: SHARD, member: ONE, reason: 'damage' }];
  const { replicas, taken, lost } = replicasOf({ quarantined });
  deepEqual(lost, quarantined);
  equal(replicas.isDead(SHARD, ONE), true);
  replicas.discardBroken((_, member) => member === ONE);
  deepEqual(kindsOf(taken()), [], 'it may be the only one there is');
  equal(replicas.isFree(SHARD), false);
  replicas.discardBroken(() => false);
  replicas.discardBroken(() => false);
  deepEqual(kindsOf(taken()), ['remove']);
  equal(replicas.isFree(SHARD), true);
});

test('a member whose id is lost gets a tombstone with the id of the map', () => {
  const quarantined = [{ shard: SHARD, member: NO_MEMBER, reason: 'damage' }];
  const { replicas, taken } = replicasOf({ quarantined });
  deepEqual(taken(), [], 'a tombstone without a name would be forgotten in the next life');
  equal(replicas.isFree(SHARD), false, 'no member may be created in its place before');
  deepEqual(replicas.nameless, [SHARD]);
  replicas.writeTombstone(SHARD, ONE);
  replicas.writeTombstone(SHARD, ONE);
  deepEqual(kindsOf(taken()), ['remove', `create ${ONE}`, 'remove']);
  equal(replicas.isDead(SHARD, ONE), true);
  equal(replicas.isFree(SHARD), true);
});

test('a member is created only once the state of the former one is off the disk', () => {
  const { replicas, settle } = replicasOf({});
  replicas.createReplica(SHARD, ONE);
  settle();
  const replica = replicas.get(SHARD);
  if (replica !== undefined) replicas.destroy(replica);
  equal(replicas.isFree(SHARD), false);
  equal(replicas.isFree(OTHER), true);
  settle();
  equal(replicas.isFree(SHARD), true);
  equal(replicas.isDead(SHARD, ONE), true);
  equal(replicas.isDead(SHARD, TWO), false);
  equal(replicas.isDead(OTHER, ONE), false, 'in another shard this id is another member');
});

test('a folder that ever held a replica cannot found a cluster', () => {
  const quarantined = [{ shard: SHARD, member: NO_MEMBER, reason: 'damage' }];
  equal(replicasOf({}).replicas.isEmpty, true);
  equal(replicasOf({ buried: [ONE] }).replicas.isEmpty, false);
  equal(replicasOf({ quarantined }).replicas.isEmpty, false);
  const { replicas } = replicasOf({});
  replicas.createReplica(SHARD, ONE);
  equal(replicas.isEmpty, false);
});
