/** Watches of one client with one range share streams, and a slow consumer leaves the others. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/base/random.ts';
import type { WatchCall } from '../../../src/client/core/streams/watch-call.ts';
import { HistoryWorld } from '../../shard/history-world.ts';
import { WatchClient } from '../model/watch-client.ts';
import { type Saved, WatchConsumer } from '../model/watch-consumer.ts';
import { WatchNodes } from '../model/watch-nodes.ts';
import { World } from '../model/world.ts';

const text = new TextEncoder();
const RANGE = { from: text.encode('key'), to: text.encode('key 9') };
const STEP_MILLISECONDS = 40;

/** One shard at three nodes, a client, and a network that does all that it is asked to. */
class Rig {
  readonly #world = new World();
  readonly #random = new Random(7);
  readonly shard: HistoryWorld;
  readonly nodes: WatchNodes;
  readonly client: WatchClient;

  constructor() {
    const random = this.#random;
    const memory = { bytesMax: 1e8, recordChance: 1, isCalm: true };
    this.shard = new HistoryWorld({ random: random.fork('shard'), ...memory });
    const faults = { refusal: 0, loss: 0, repetition: 0, muteness: 0 };
    this.nodes = new WatchNodes({ shards: [this.shard], random: random.fork('nodes'), faults });
    this.client = new WatchClient({ world: this.#world, random, nodes: this.nodes });
  }

  watch(terms: Partial<WatchCall['terms']> = {}, saved?: Saved): WatchConsumer {
    const { client, shard } = this;
    const usual = { replicas: 'any', bufferBytes: 1000, ...terms } as const;
    const random = this.#random;
    return new WatchConsumer({
      client,
      random,
      shards: [shard],
      range: RANGE,
      saved,
      terms: usual,
    });
  }

  /** Until all of them are told everything. */
  settle(...consumers: readonly WatchConsumer[]): void {
    this.shard.settle();
    for (let round = 0; round < 1000; round++) {
      this.pass();
      for (const consumer of consumers) consumer.consume(1000);
      if (round > 20 && consumers.every(({ isCurrent }) => isCurrent)) return;
    }
    ok(false, 'all watches are told everything');
  }

  write(entries: number): void {
    for (let left = entries; left > 0; left--) {
      this.shard.step();
      this.pass();
    }
  }

  pass(): void {
    this.nodes.pump();
    this.crawl(STEP_MILLISECONDS);
  }

  crawl(milliseconds: number): void {
    this.#world.runUntil(this.#world.now + milliseconds);
    this.client.tick();
  }
}

test('equal watches that are made together have one stream, and each is told everything', () => {
  const rig = new Rig();
  rig.write(100);
  const watches = Array.from({ length: 20 }, () => rig.watch());
  rig.settle(...watches);
  equal(rig.nodes.counts.opened, 1);
  rig.write(50);
  rig.settle(...watches);
  equal(rig.nodes.counts.opened, 1);
  for (const watch of watches) {
    watch.check();
    equal(watch.counts.rows, watches[0]?.counts.rows);
    equal(watch.counts.changes, watches[0]?.counts.changes);
  }
  ok((watches[0]?.counts.changes ?? 0) > 10);
});

test('a watch that is made later shares the stream once both are at one position', () => {
  const rig = new Rig();
  rig.write(50);
  const first = rig.watch();
  rig.settle(first);
  const second = rig.watch();
  rig.write(30);
  rig.settle(first, second);
  rig.write(30);
  rig.settle(first, second);
  equal(rig.nodes.streams, 1);
  first.check();
  second.check();
});

test('watches that are told other things have streams of their own', () => {
  const rig = new Rig();
  const watches = [rig.watch(), rig.watch({ keysOnly: true }), rig.watch({ replicas: 'leader' })];
  rig.settle(...watches);
  equal(rig.nodes.streams, 3);
});

test('a token that counts changes behind its position begins alone', () => {
  const rig = new Rig();
  const first = rig.watch();
  rig.settle(first);
  rig.write(100);
  const saved: Saved[] = [];
  for (let round = 0; round < 500; round++) {
    const one = first.save();
    if ((one?.point.arcs[0]?.mark.skip ?? 0) > 0 && one !== undefined) saved.push(one);
    first.consume(1);
  }
  ok(saved.length > 1, 'the loop stops in the middle of messages');
  const resumed = saved.map((one) => rig.watch({}, one));
  rig.settle(first, ...resumed);
  rig.write(30);
  rig.settle(first, ...resumed);
  for (const watch of resumed) watch.check();
  equal(rig.nodes.streams, 1);
});

test('a slow consumer leaves the stream when its share is full, and comes back', () => {
  const rig = new Rig();
  const slow = rig.watch();
  const fast = rig.watch();
  rig.settle(slow, fast);
  equal(rig.nodes.streams, 1);
  const before = fast.counts.changes;
  let waiting = 0;
  for (let round = 0; round < 200; round++) {
    rig.write(1);
    fast.consume(1000);
    waiting = Math.max(waiting, slow.bytesWaiting);
  }
  rig.shard.settle();
  for (let round = 0; round < 100; round++) {
    rig.pass();
    fast.consume(1000);
  }
  const told = fast.counts.changes - before;
  ok(fast.isCurrent && told > 100, `the other one was told ${told} changes meanwhile`);
  ok(waiting >= 1000 && waiting < 1000 + rig.nodes.counts.largest * 2, `${waiting} bytes wait`);
  rig.settle(slow, fast);
  rig.write(30);
  rig.settle(slow, fast);
  equal(rig.nodes.streams, 1);
  slow.check();
  equal(slow.counts.changes, fast.counts.changes);
});

test('consumers that are equally slow stop their stream together', () => {
  const rig = new Rig();
  const watches = Array.from({ length: 5 }, () => rig.watch());
  rig.settle(...watches);
  for (let round = 0; round < 300; round++) {
    rig.write(1);
    if (round % 10 === 0) for (const watch of watches) watch.consume(2);
  }
  equal(rig.nodes.counts.opened, 1);
  for (const watch of watches) ok(watch.bytesWaiting < 1000 + rig.nodes.counts.largest);
  rig.settle(...watches);
  for (const watch of watches) watch.check();
});

test('a watch that ends takes nothing from the others, also in the middle of an entry', () => {
  const rig = new Rig();
  const [first, survivor, ...others] = Array.from({ length: 200 }, () => rig.watch()) as [
    WatchConsumer,
    WatchConsumer,
    ...WatchConsumer[],
  ];
  rig.settle(first, survivor, ...others);
  // The last one takes the place of the first one that ends: so each is the first when it ends.
  for (const watch of [first, ...others.reverse()]) {
    rig.shard.step();
    rig.nodes.pump();
    rig.crawl(7);
    survivor.consume(1000);
    watch.end();
  }
  rig.settle(survivor);
  survivor.check();
  equal(rig.nodes.streams, 1);
  equal(rig.nodes.counts.opened, 1);
  ok(rig.nodes.counts.parts > 10, `${rig.nodes.counts.parts} parts`);
  deepEqual(rig.client.notices, []);
  survivor.end();
  rig.pass();
  equal(rig.nodes.streams, 0);
});

test('when a node is lost, all go on elsewhere, with one stream', () => {
  const rig = new Rig();
  const watches = Array.from({ length: 10 }, () => rig.watch());
  rig.settle(...watches);
  for (let round = 0; round < 5; round++) {
    rig.write(10);
    rig.client.cut();
    rig.write(10);
    for (const watch of watches) watch.consume(1000);
  }
  rig.settle(...watches);
  rig.write(30);
  rig.settle(...watches);
  equal(rig.nodes.streams, 1);
  for (const watch of watches) watch.check();
});
