/** A barrier is behind everything that was acknowledged, also what transactions have prepared. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../src/shard/fair-queue.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { put } from '../machine/machine-rig.ts';
import { WatchRig } from './watch-rig.ts';

test('a barrier is the applied position after a ReadIndex round', () => {
  const rig = new WatchRig();
  rig.do(put('a', '1'));
  const { applied, term } = rig.replica;
  deepEqual(rig.barrier(), [`${applied}/${term}`]);
  rig.do(put('a', '2'));
  deepEqual(rig.barrier(), [`${applied + 1}/${term}`]);
});

test('a barrier waits for the parts that hold a key of its range', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  const told = rig.barrier({ from: 'a', to: 'c' });
  deepEqual(told, []);
  deepEqual(rig.rig.met, ['5'], 'the holder is asked after');
  rig.held.resolve(5, true);
  rig.settle();
  deepEqual(told, [`${rig.replica.applied}/${rig.replica.term}`]);
});

test('a barrier waits for no part outside of its range', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  equal(rig.barrier({ from: 'c' }).length, 1);
  equal(rig.barrier({ to: 'b' }).length, 1);
});

test('a barrier waits for no part that was prepared later', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  const told = rig.barrier();
  rig.held.prepare(6, put('c', 'y'));
  rig.settle();
  deepEqual(told, []);
  rig.held.resolve(5, false);
  rig.settle();
  equal(told.length, 1);
});

test('a barrier that waits for two parts is answered behind the last of them', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  rig.held.prepare(6, put('c', 'y'));
  const told = rig.barrier();
  rig.held.resolve(5, true);
  rig.settle();
  deepEqual(told, []);
  rig.held.resolve(6, true);
  rig.settle();
  deepEqual(told, [`${rig.replica.applied}/${rig.replica.term}`]);
});

test('a barrier that waits longer than its requester is refused', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  const told = rig.barrier({ patience: 100 });
  rig.pass(200);
  deepEqual(told, ['held']);
  equal(rig.replica.waiting, 0);
  rig.held.resolve(5, true);
  rig.settle();
  deepEqual(told, ['held'], 'it is answered once');
});

test('a barrier that wants a recording gets one, and one entry serves all that ask', () => {
  const rig = new WatchRig();
  const { applied } = rig.replica;
  equal(rig.replica.machine.recordUntil, 0);
  const told: string[][] = [];
  for (let count = 0; count < 3; count++) told.push(rig.askBarrier({ isRecording: true }));
  rig.settle();
  const { recordUntil } = rig.replica.machine;
  equal(recordUntil - rig.replica.machine.time, SHARD_LIMITS.recordMilliseconds);
  equal(rig.replica.applied, applied + 1);
  for (const [text] of told) equal(text, `${applied + 1}/${rig.replica.term}`);
});

test('a recording is lengthened when half of it has passed, and not before', () => {
  const rig = new WatchRig();
  rig.barrier({ isRecording: true });
  const { recordUntil } = rig.replica.machine;
  rig.rig.now += SHARD_LIMITS.recordMilliseconds / 2 - 1000;
  rig.barrier({ isRecording: true });
  equal(rig.replica.machine.recordUntil, recordUntil);
  rig.rig.now += 2000;
  rig.barrier({ isRecording: true });
  equal(rig.replica.machine.recordUntil > recordUntil, true);
});

test('a replica that ends tells all barriers that the shard is elsewhere', () => {
  const rig = new WatchRig();
  rig.held.prepare(5, put('b', 'x'));
  const told = rig.barrier();
  rig.replica.end();
  deepEqual(told, ['not-here']);
  equal(rig.replica.waiting, 0);
});

test('a barrier whose client leaves in its round is forgotten', () => {
  const rig = new WatchRig();
  const share = new Flow({ client: 7, mayGoOn: () => true });
  const none = new Uint8Array();
  for (let id = 1; id <= 10; id++) {
    const requester = { responder: { respond: () => {}, share }, id };
    const about = { from: none, to: none, isRecording: true, epoch: 1 };
    rig.replica.barrier({ requester, ...about, until: rig.rig.now + 5000 });
  }
  share.leave();
  rig.settle();
  rig.pass(60_000);
  equal(rig.replica.waiting, 0);
});

test('one client leaves barriers to the others, and has them back when they are answered', () => {
  const rig = new WatchRig();
  const [ada, bo] = [7, 8].map((client) => new Flow({ client, mayGoOn: () => true }));
  rig.held.prepare(5, put('b', 'x'));
  const { barriersMax } = SHARD_LIMITS;
  const told = Array.from({ length: barriersMax }, () => rig.askBarrier({ share: ada }));
  const refused = () => told.filter(([text]) => text === 'overloaded').length;
  equal(refused(), barriersMax / 2);
  deepEqual(rig.barrier({ share: bo, from: 'c' }).length, 1);
  rig.held.resolve(5, true);
  rig.settle();
  equal(rig.replica.waiting, 0);
  for (let at = 0; at < barriersMax / 2; at++) told.push(rig.askBarrier({ share: ada }));
  rig.settle();
  equal(refused(), barriersMax / 2);
});
