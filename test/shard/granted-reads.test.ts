/** Granted reads whose machine cannot apply: how long they wait, and how many. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { TAKEN } from '../../src/raft/ready.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { Requester } from '../../src/shard/proposals.ts';
import type { Proposing } from '../../src/shard/proposing.ts';
import { Reading } from '../../src/shard/reading.ts';
import type { ReplicaState } from '../../src/shard/replica-state.ts';
import type { StateStore } from '../../src/storage/state/state-store.ts';
import type { Failure } from '../../src/wire/response.ts';
import { AT_ONCE } from './at-once.ts';

/** A leader whose machine is stuck at index 5. */
class Rig {
  readonly failed: (readonly [id: number, failure: Failure])[] = [];
  readonly served: number[] = [];
  readonly reading: Reading;
  now = 0;
  applied = 5;
  isLeader = true;
  #lastRead = 0;
  #lastId = 0;

  constructor() {
    const { failed } = this;
    const rig = this;
    const state = {
      shard: 1 as ShardId,
      store: {} as StateStore,
      logTime: 0,
      isCorrupt: false,
      stopReason: '',
      lockTable: undefined,
      machine: { lockTable: undefined, recentDeletes: undefined },
      get now() {
        return rig.now;
      },
      get applied() {
        return rig.applied;
      },
      get isLeader() {
        return rig.isLeader;
      },
      step: () => TAKEN,
      fail: ({ id }: Requester, failure: Failure) => failed.push([id, failure]),
      wake() {},
      report() {},
      damaged: () => 'damaged' as const,
      nextRead: () => {
        this.#lastRead += 1;
        return this.#lastRead;
      },
      context: { fair: AT_ONCE, clock: () => rig.now },
    };
    const proposing = { reserve() {}, release() {}, last: 0, waitFor() {} };
    const [shared, commands] = [state as unknown, proposing as unknown];
    this.reading = new Reading(shared as ReplicaState, commands as Proposing);
  }

  /** A read that waits for so long, and is granted at index 6. */
  ask(milliseconds: number): number {
    const id = this.gather(milliseconds);
    this.reading.ask();
    this.reading.grant({ type: 'granted', id: this.#lastRead, index: 6 });
    return id;
  }

  gather(milliseconds: number): number {
    this.#lastId += 1;
    const id = this.#lastId;
    const requester = { responder: { respond: () => this.served.push(id), hint() {} }, id };
    const what = { type: 'keys', keys: [] } as const;
    this.reading.read({ requester, until: this.now + milliseconds, what });
    return id;
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.reading.tick();
  }
}

test('a granted read waits no longer than its client does', () => {
  const rig = new Rig();
  const [short, long] = [rig.ask(100), rig.ask(300)];
  rig.pass(100);
  deepEqual(rig.failed, []);
  rig.pass(1);
  deepEqual(rig.failed, [[short, 'too-late']]);
  equal(rig.reading.size, 1);
  rig.applied = 6;
  rig.reading.serveReady();
  deepEqual(rig.served, [long]);
  equal(rig.reading.size, 0);
});

test('a read whose round is not answered waits no longer either', () => {
  const rig = new Rig();
  const id = rig.gather(100);
  rig.reading.ask();
  rig.pass(101);
  deepEqual(rig.failed, [[id, 'too-late']]);
  rig.reading.grant({ type: 'granted', id: 1, index: 5 });
  rig.reading.serveReady();
  deepEqual([rig.served, rig.reading.size], [[], 0], 'a late round serves no one twice');
});

test('the reads that wait for one machine are bounded, and more are refused at once', () => {
  const rig = new Rig();
  for (let at = 0; at < SHARD_LIMITS.readsMax; at++) rig.ask(1000);
  deepEqual(rig.failed, []);
  const refused = rig.ask(1000);
  deepEqual(rig.failed, [[refused, 'overloaded']]);
  rig.pass(1001);
  equal(rig.reading.size, 0);
  rig.ask(1000);
  equal(rig.reading.size, 1, 'there is room again');
});

test('reads that wait for proof of their age count as well', () => {
  const rig = new Rig();
  rig.isLeader = false;
  const requester = { responder: { respond() {}, hint() {} }, id: 1 };
  const what = { type: 'keys', keys: [] } as const;
  for (let at = 0; at <= SHARD_LIMITS.readsMax; at++) {
    rig.reading.readStale({ requester, until: 1000, what }, 10);
  }
  deepEqual(rig.failed, [[1, 'overloaded']]);
});
