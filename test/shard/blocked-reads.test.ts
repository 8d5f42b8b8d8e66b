/** Reads never return a locked key: its change may be decided already. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { LockTable } from '../../src/machine/lock-table.ts';
import type { StepResult } from '../../src/raft/ready.ts';
import type { Requester } from '../../src/shard/proposals.ts';
import type { Proposing } from '../../src/shard/proposing.ts';
import { Reading } from '../../src/shard/reading.ts';
import type { ReplicaState } from '../../src/shard/replica-state.ts';
import type { StateStore } from '../../src/storage/state/state-store.ts';
import type { Failure, Response } from '../../src/wire/response.ts';
import { bytesOf, put } from '../machine/machine-rig.ts';
import { AT_ONCE } from './at-once.ts';
import { HeldRig, said } from './blocked-rig.ts';

test('a read of a held key waits, and is answered after the resolution', () => {
  const rig = new HeldRig();
  rig.write([put('x', 'old')], [put('y', 'other')]);
  equal(rig.prepare(5, put('x', 'new')), 'done');
  const responses = rig.keys('y', 'x');
  equal(said(rig.keys('y')), 'other', 'an unlocked key is read at once');
  rig.rig.tick(3);
  deepEqual([responses, rig.rig.met], [[], ['5']]);
  rig.resolve(5, true);
  equal(said(responses), 'other new');
  equal(responses.length, 1);
});

test('after an abort the read returns the former value', () => {
  const rig = new HeldRig();
  rig.write([put('x', 'old')]);
  rig.prepare(5, put('x', 'new'));
  const responses = rig.keys('x');
  rig.resolve(5, false);
  equal(said(responses), 'old');
});

test('a key that is locked before it exists is not read as missing', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const responses = rig.keys('x');
  deepEqual(responses, []);
  rig.resolve(5, true);
  equal(said(responses), 'new');
});

test('a read that meets the next lock waits again', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  rig.prepare(6, put('y', 'new'));
  const responses = rig.keys('x', 'y');
  rig.resolve(5, true);
  deepEqual(responses, []);
  rig.resolve(6, false);
  equal(said(responses), 'new -');
});

test('a read is not retried when another holder ends', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  rig.prepare(6, put('y', 'new'));
  const responses = rig.keys('x');
  rig.resolve(6, true);
  deepEqual([responses, rig.rig.met], [[], ['5']], 'looked once');
  rig.resolve(5, true);
  equal(said(responses), 'new');
  equal(rig.rig.replica.waiting, 0);
});

test('a read that waits too long is refused, at its own deadline', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const { now } = rig.rig;
  const what = { type: 'keys', keys: [bytesOf('x')] } as const;
  const responses = rig.read(what, now + 2 * RAFT_LIMITS.tickMilliseconds);
  rig.rig.tick();
  deepEqual(responses, []);
  rig.rig.tick();
  equal(said(responses), 'held');
  rig.resolve(5, true);
  equal(responses.length, 1);
});

test('a read with a long deadline is answered after a while with the lock that blocks it', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const responses = rig.keys('x');
  const ticks = TRANSACTION_LIMITS.waitMilliseconds / RAFT_LIMITS.tickMilliseconds;
  for (let at = 1; at < ticks; at++) rig.rig.tick();
  deepEqual(responses, []);
  rig.rig.tick();
  equal(said(responses), 'held');
});

test('a waiting read ends with its replica', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const responses = rig.keys('x');
  rig.rig.replica.end();
  equal(said(responses), 'not-here');
});

test('a retried read waits no longer in total than one that is not retried', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  rig.prepare(6, put('y', 'new'));
  const responses = rig.keys('x', 'y');
  const ticks = TRANSACTION_LIMITS.waitMilliseconds / RAFT_LIMITS.tickMilliseconds;
  rig.rig.tick(ticks - 1);
  rig.resolve(5, true);
  deepEqual(responses, []);
  rig.rig.tick(2);
  equal(said(responses), 'held');
});

test('waiting reads end with the leadership, and go to the new leader', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const responses = rig.keys('x');
  const entry = { index: rig.rig.replica.applied + 1, term: 9, kind: 'empty' } as const;
  rig.rig.append([entry], 9);
  equal(rig.rig.replica.isLeader, false);
  equal(said(responses), 'not-leader');
  rig.resolve(5, true);
  equal(responses.length, 1);
});

test('a resolution that the log had no room for is requested again', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  rig.rig.isLogStuck = true;
  rig.write([put('y', 'y'.repeat(RAFT_LIMITS.uncommittedBytesMax))]);
  rig.resolve(5, true);
  rig.write([put('x', 'plain')]);
  deepEqual(rig.rig.met, ['5']);
});

test('a plain write of a held key waits too, and is done after the resolution', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'transaction'));
  equal(rig.write([put('x', 'plain')]), '');
  equal(rig.write([put('y', 'plain')]), 'done');
  rig.resolve(5, true);
  rig.rig.turns(4);
  equal(said(rig.keys('x')), 'plain');
});

/** A replica's reads alone: the test says which replica leads, and what is locked. */
class ReadsAlone {
  now = 0;
  applied = 10;
  isLeader = true;
  lockTable: LockTable | undefined;
  readonly failures: string[] = [];
  met = 0;
  readonly isCorrupt = false;
  readonly stopReason = '';
  readonly logTime = 0;
  #reads = 0;
  readonly shard: ShardId;
  readonly store: StateStore;
  readonly machine: object;
  readonly context = { fair: AT_ONCE, clock: () => this.now };
  readonly reading: Reading;

  constructor({ rig }: HeldRig) {
    const { replica, store } = rig;
    const { lockTable } = replica.machine;
    this.shard = replica.shard;
    this.store = store;
    this.lockTable = lockTable;
    this.machine = { lockTable, recentDeletes: undefined };
    const known = { known: 0, endOf: () => undefined };
    const rest = { reserve() {}, release() {}, last: 0, waitFor: () => this.#wait() };
    const proposing = { ...known, ...rest };
    const [state, commands] = [this as unknown, proposing as unknown];
    this.reading = new Reading(state as ReplicaState, commands as Proposing);
  }

  step(): StepResult {
    return { type: 'taken', position: undefined };
  }

  fail(_requester: Requester, failure: Failure): void {
    this.failures.push(failure);
  }

  wake(): void {}

  report(): void {}

  damaged(): Failure {
    return 'damaged';
  }

  nextRead(): number {
    this.#reads += 1;
    return this.#reads;
  }

  #wait(): void {
    this.met += 1;
  }

  /** A granted read. */
  granted(key: string): Response[] {
    const responses: Response[] = [];
    const responder = { respond: (response: Response) => void responses.push(response) };
    const what = { type: 'keys', keys: [bytesOf(key)] } as const;
    this.reading.read({ requester: { responder, id: 1 }, until: 1e9, what });
    this.reading.ask();
    this.reading.grant({ type: 'granted', id: this.#reads, index: this.applied });
    this.reading.serveReady();
    return responses;
  }
}

test('a replica that lost leadership asks no home shard, and the read goes to the leader', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const host = new ReadsAlone(rig);
  host.isLeader = false;
  host.granted('x');
  deepEqual([host.failures, host.met], [['not-fresh'], 0]);
});

test('a stale read of a locked key is refused while there is no leader', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const host = new ReadsAlone(rig);
  host.isLeader = false;
  const what = { type: 'keys', keys: [bytesOf('x')] } as const;
  const requester = { responder: { respond() {} }, id: 1 };
  host.reading.readStale({ requester, until: 1e9, what }, 1000);
  host.reading.told(1, host.applied);
  deepEqual(host.failures, ['not-fresh']);
});

test('the number of waiting reads is bounded', () => {
  const rig = new HeldRig();
  rig.prepare(5, put('x', 'new'));
  const host = new ReadsAlone(rig);
  for (let at = 0; at <= TRANSACTION_LIMITS.waitersMax; at++) host.granted('x');
  deepEqual(host.failures, ['overloaded']);
  equal(host.reading.size, TRANSACTION_LIMITS.waitersMax);
});
