/** Background work of leaders is done, whatever obstructs one attempt. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { SECTION } from '../../src/machine/section.ts';
import { encodePrepare, encodeResolutions } from '../../src/machine/transaction-codec.ts';
import { Maintenance } from '../../src/node/maintenance.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import { ReplicaRig, SHARD } from '../shard/replica-rig.ts';

const MINUTE = 60_000;

class Rig {
  readonly #replica = new ReplicaRig();
  readonly chores: Maintenance;
  hasViews = true;

  constructor() {
    const rig = this.#replica;
    rig.lead();
    const hasViews = () => this.hasViews;
    const store = {
      get hasViews() {
        return hasViews();
      },
      view: (shard: typeof SHARD) => rig.store.view(shard),
    };
    const row = { shard: SHARD, epoch: 1, from: 0, to: 2 ** 32 };
    const parts = {
      get now() {
        return rig.now;
      },
      replicas: { all: [rig.replica] },
      map: { shards: Array.from({ length: SHARD + 1 }, () => row) },
      store,
      log: { damage: [] },
    };
    this.chores = new Maintenance(parts as unknown as NodeState);
    this.pass(NODE_LIMITS.expiryMilliseconds);
  }

  /** Time passes; maintenance runs as often as in a node. */
  pass(milliseconds: number): void {
    const rig = this.#replica;
    const until = rig.now + milliseconds;
    while (rig.now < until) {
      rig.now += NODE_LIMITS.expiryMilliseconds;
      rig.replica.tick();
      this.chores.tick();
      rig.turns(6);
    }
  }

  put(client: number, patience: number, lifeMilliseconds = 0): void {
    const id = keyOf(client);
    const value = Uint8Array.of(1);
    const put = { type: 'set', key: id, value, lifeMilliseconds } as const;
    const deadline = this.#replica.replica.logTime + patience;
    const times = { deadline, sequence: 0 };
    const batch = encodeBatch({ client: id, ...times, commands: [[put]] });
    this.#replica.replica.stamp(this.#replica.requester().requester, 1, { type: 'batch', batch });
    this.#replica.turns(4);
  }

  /** A transaction holds the keys of all these clients. */
  hold(clients: number): void {
    const { replica } = this.#replica;
    const deadline = replica.logTime + MINUTE;
    const id = { home: 5, client: new Uint8Array(16), sequence: 7 };
    const operations = Array.from({ length: clients }, (_, client) => {
      return { type: 'delete', key: keyOf(client) } as const;
    });
    const participants = [5, 6].map((position) => ({ position, deadline }));
    const about = { id, attempts: 0, age: 5, participants };
    const bytes = encodePrepare({ ...about, at: 1, operations });
    replica.stamp(this.#replica.requester().requester, 1, { type: 'prepare', bytes });
    this.#replica.turns(4);
  }

  release(): void {
    const id = { home: 5, client: new Uint8Array(16), sequence: 7 };
    const bytes = encodeResolutions([{ id, isCommitted: false, deadline: 0 }]);
    this.#replica.replica.stamp(this.#replica.requester().requester, 1, { type: 'resolve', bytes });
    this.#replica.replica.proposeDeferred();
    this.#replica.turns(4);
  }

  rowsIn(section: number): number {
    let count = 0;
    const view = this.#replica.store.view(SHARD);
    const cursor = view.cursor({ section, from: undefined, to: undefined, isReverse: false });
    let isDone = false;
    cursor.next({ rowsMax: 10_000, bytesMax: 1 << 24 }, (rows) => {
      if (Array.isArray(rows)) count = rows.length;
      isDone = true;
    });
    for (let at = 0; !isDone && at < 50; at++) this.#replica.medium.turnNow();
    ok(isDone);
    view.close();
    return count;
  }
}

/** Of the only key of a client, which has the same name. */
function keyOf(client: number): Uint8Array {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(0, client);
  return key;
}

test('due keys expire, though many held keys come before them', () => {
  const rig = new Rig();
  const held = 600;
  for (let client = 0; client < held; client++) rig.put(client, MINUTE, 1000);
  for (let client = held; client < held + 100; client++) rig.put(client, MINUTE, 2000);
  rig.hold(held);
  equal(rig.rowsIn(SECTION.values), held + 100);
  rig.pass(6000);
  equal(rig.rowsIn(SECTION.values), held);
  rig.put(held, MINUTE, 1000);
  rig.pass(3000);
  equal(rig.rowsIn(SECTION.values), held, 'also what is due later');
  rig.release();
  rig.pass(3000);
  equal(rig.rowsIn(SECTION.values), 0);
});

test('a shard adopts its arc, and due keys expire', () => {
  const rig = new Rig();
  rig.put(1, MINUTE, 1000);
  equal(rig.rowsIn(SECTION.values), 1);
  rig.pass(3000);
  equal(rig.rowsIn(SECTION.values), 0);
});

test('due keys expire, though once there was no view to scan for them', () => {
  const rig = new Rig();
  rig.put(1, MINUTE, 1000);
  rig.hasViews = false;
  rig.pass(3000);
  equal(rig.rowsIn(SECTION.values), 1);
  rig.hasViews = true;
  rig.pass(3000);
  equal(rig.rowsIn(SECTION.values), 0);
});

test('sessions of gone clients are removed, though many live ones come before them', () => {
  const rig = new Rig();
  for (let client = 0; client < 300; client++) rig.put(client, 4 * MINUTE);
  for (let client = 300; client < 900; client++) rig.put(client, 1000);
  equal(rig.rowsIn(SECTION.sessions), 900);
  rig.pass(NODE_LIMITS.forgetMilliseconds + 5000);
  equal(rig.rowsIn(SECTION.sessions), 300);
});
