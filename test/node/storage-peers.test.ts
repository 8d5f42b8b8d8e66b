/** What one node of a large cluster knows of the shards that others have. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessTable, NO_ACCESS } from '../../src/access/access-table.ts';
import { principalNamed } from '../../src/access/principal.ts';
import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { SECTION } from '../../src/machine/section.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { StorageQuotas } from '../../src/node/storage-quotas.ts';
import { RangeCounts } from '../../src/shard/range-counts.ts';
import type { NodeMessage } from '../../src/wire/node-message.ts';
import { grant, roleOf } from './access-rig.ts';

const TABLE: AccessTable = {
  ...{ ...NO_ACCESS, version: 5, isEnabled: true },
  roles: [roleOf('a-role', [grant('a/', ['write'])]), roleOf('b-role', [grant('b/', ['write'])])],
  users: [
    { name: 'ann', roles: ['a-role'] },
    { name: 'ben', roles: ['a-role'] },
    { name: 'bob', roles: ['b-role'] },
  ],
  storageLimited: ['ann', 'ben', 'bob'].map((user) => {
    return { user, storedKeys: 100, storedBytes: 0 };
  }),
};

const TWO = 2 as NodeId;

/** A node with a replica of some of four shards, all of them without rows. */
class Rig {
  readonly replicas = new Map<ShardId, { shard: ShardId; applied: number; counts: RangeCounts }>();
  readonly told: NodeMessage[] = [];
  readonly node = {
    now: 0,
    wall: 0,
    map: { access: TABLE, shards: [0, 1, 2, 3, 4].map((shard) => ({ shard })) },
    store: { hasViews: false },
    peers: { nodes: [TWO, 3 as NodeId] },
    isHeard: (peer: NodeId) => peer === TWO,
    tellLater: (_: NodeId, message: NodeMessage) => void this.told.push(message),
    replicas: {
      all: [] as unknown[],
      get: (shard: ShardId) => this.replicas.get(shard),
    },
  };
  readonly quotas = new StorageQuotas(this.node as unknown as NodeState);

  constructor(...shards: readonly number[]) {
    for (const shard of shards as ShardId[]) {
      this.replicas.set(shard, { shard, applied: 10, counts: new RangeCounts() });
    }
    this.node.replicas.all = [...this.replicas.values()];
    this.tick();
    for (const { counts } of this.replicas.values()) {
      for (const count of counts.all) {
        for (let slice = count.begin(); slice !== undefined; slice = count.begin()) {
          count.take(slice, []);
        }
      }
    }
  }

  tick(milliseconds = 1000): readonly NodeMessage[] {
    this.node.now += milliseconds;
    this.told.length = 0;
    this.quotas.tick();
    return this.told;
  }

  /** The counts of this node, as another one would tell them of another shard. */
  tell(shard: number, index: number, keys: number): void {
    for (const message of this.tick()) {
      if (message.type !== 'stored') continue;
      const counts = message.counts.map((count) => {
        return { ...count, shard: shard as ShardId, index, keys, bytes: 0 };
      });
      this.quotas.told(TWO, counts);
    }
  }

  use(user: string) {
    const info = this.quotas.infos().find((one) => one.user === user);
    return [info?.usedKeys, info?.isComplete];
  }
}

test('users that may write the same keys share one count', () => {
  const rig = new Rig(1);
  equal(rig.replicas.get(1 as ShardId)?.counts.all.length, 2);
});

test('the sum has what peers have told, and says whether a shard is missing', () => {
  const rig = new Rig(1, 2);
  deepEqual(rig.use('ann'), [0, false]);
  rig.tell(3, 50, 7);
  deepEqual(rig.use('ann'), [7, false]);
  rig.tell(4, 50, 5);
  deepEqual(
    [rig.use('ann'), rig.use('ben')],
    [
      [12, true],
      [12, true],
    ],
  );
  rig.tell(4, 40, 1);
  deepEqual(rig.use('ann'), [8, true], 'the node that told it has said so');
});

test('of a shard that is here too, the newer count is the one that counts', () => {
  const rig = new Rig(1, 2, 3, 4);
  rig.tell(4, 9, 1000);
  deepEqual(rig.use('ann'), [0, true], 'the replica here has applied more');
  rig.tell(4, 11, 1000);
  deepEqual(rig.use('ann'), [1000, true]);
});

test('counts are told once a second, to peers that are heard, and only of limited ranges', () => {
  const rig = new Rig(1, 2);
  const [message, ...more] = rig.tick();
  deepEqual(more, []);
  equal(message?.type === 'stored' && message.counts.length, 4);
  equal(rig.tick(500).length, 0);
  equal(rig.tick(600).length, 1);
  rig.node.map = { ...rig.node.map, access: { ...TABLE, version: 6, storageLimited: [] } };
  equal(rig.tick().length, 0, 'a build that does not know the message gets none');
});

test('what is told of unknown shards and ranges is not kept', () => {
  const rig = new Rig(1);
  rig.tell(77, 50, 7);
  rig.quotas.told(TWO, [{ shard: 2 as ShardId, id: 99, index: 1, keys: 1, bytes: 1 }]);
  deepEqual(rig.use('ann'), [0, false]);
});

test('between two ticks no more is admitted than fits', () => {
  const rig = new Rig(1, 2, 3, 4);
  const counts = rig.replicas.get(1 as ShardId)?.counts;
  const principal = principalNamed(TABLE, { user: 'ann', expiresAt: 0 }, 0);
  const responder = { respond() {}, isClient: true, principal };
  const value = Uint8Array.of(0x93, 1, 0, 0xc4, 0);
  let admitted = 0;
  for (let at = 0; at < 150; at++) {
    const key = Buffer.from(`a/${at}`);
    const operation = { type: 'set', key, value, lifeMilliseconds: 0 } as const;
    const parts = () => [{ shard: 2 as ShardId, operations: [operation] }];
    if (rig.quotas.objectionTo(responder, parts) !== undefined) continue;
    admitted += 1;
    counts?.apply([{ section: SECTION.values, key, value }], () => undefined);
  }
  equal(admitted, 100);
});

test('a request of the node itself, and of a user without a limit, is never refused', () => {
  const rig = new Rig(1, 2, 3, 4);
  rig.tell(4, 11, 1000);
  const operation = { type: 'set', key: Buffer.from('a/1'), value: Buffer.from('1') } as const;
  const operations = [{ ...operation, lifeMilliseconds: 0 }];
  const parts = () => [{ shard: 2 as ShardId, operations }];
  const principal = principalNamed(TABLE, { user: 'ann', expiresAt: 0 }, 0);
  const objection = (isClient: boolean, user = principal) => {
    return rig.quotas.objectionTo({ respond() {}, isClient, principal: user }, parts)?.limit;
  };
  equal(objection(true), 'storedKeys');
  equal(objection(false), undefined);
  equal(objection(true, principal && { ...principal, user: 'eve' }), undefined);
});
