/** Watches of one client with one range share streams, and a slow consumer leaves the others. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../../src/base/ids.ts';
import { Random } from '../../../src/base/random.ts';
import { Connection } from '../../../src/client/core/connections.ts';
import { Backlog } from '../../../src/client/core/streams/credit.ts';
import { SharedStream } from '../../../src/client/core/streams/shared-stream.ts';
import { StreamReader } from '../../../src/client/core/streams/stream-reader.ts';
import type { WatchCall } from '../../../src/client/core/streams/watch-call.ts';
import { HistoryWorld } from '../../shard/history-world.ts';
import { WatchClient } from '../model/watch-client.ts';
import { type Saved, WatchConsumer } from '../model/watch-consumer.ts';
import { WatchNodes } from '../model/watch-nodes.ts';
import { World } from '../model/world.ts';

const text = new TextEncoder();
const RANGE = { from: text.encode('key'), to: text.encode('key 9') };
const STEP_MILLISECONDS = 40;
/** Each message with changes is larger than the share. */
const TINY = { bufferBytes: 8, shareBytesMin: 8 };

/** One shard at three nodes, a client, and a network that does all that it is asked to. */
class Rig {
  readonly #world = new World();
  readonly #random;
  readonly shard: HistoryWorld;
  readonly nodes: WatchNodes;
  readonly client: WatchClient;

  constructor(seed = 7) {
    const random = new Random(seed);
    this.#random = random;
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

  /** Nothing is sent before all of them are there: no mark of progress comes in between. */
  writeAtOnce(entries: number): void {
    for (let left = entries; left > 0; left--) this.shard.step();
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

/** A watch whose share is full, on a stream without credit that has come to the end. */
function blocked(rig: Rig) {
  const slow = rig.watch(TINY);
  // Has a stream of its own.
  const witness = rig.watch({ replicas: 'leader' });
  rig.settle(slow, witness);
  while (slow.bytesWaiting === 0) {
    rig.write(1);
    for (let round = 0; round < 20; round++) rig.pass();
  }
  rig.settle(witness);
  const saved = witness.save();
  ok(saved !== undefined);
  witness.end();
  rig.pass();
  equal(rig.nodes.streams, 1);
  return { slow, saved };
}

for (const [what, terms] of [
  ['begins with the changes to come', { resume: undefined, isInitial: false }],
  ['continues from a token', {}],
] as const) {
  test(`one that ${what} joins a stream without credit, and is told all that follows`, () => {
    const rig = new Rig();
    const { slow, saved } = blocked(rig);
    const { opened } = rig.nodes.counts;
    const late = rig.watch({ ...TINY, ...terms }, saved);
    rig.crawl(STEP_MILLISECONDS);
    equal(rig.nodes.counts.opened, opened, 'it has joined');
    const waiting = slow.bytesWaiting;
    rig.writeAtOnce(30);
    rig.settle(late);
    ok(late.counts.changes > 10, `${late.counts.changes} changes`);
    equal(slow.bytesWaiting, waiting, 'the one without room is told nothing more');
    rig.settle(slow, late);
    slow.check();
    late.check();
  });
}

test('a buffer is bounded also where each message fills it, and another consumer is fast', () => {
  const rig = new Rig();
  const slow = rig.watch(TINY);
  const fast = rig.watch(TINY);
  rig.settle(slow, fast);
  equal(rig.nodes.streams, 1);
  rig.writeAtOnce(100);
  rig.settle(fast);
  const { bytesWaiting, bytesLargest } = slow;
  ok(
    bytesWaiting < 8 + bytesLargest,
    `${bytesWaiting} bytes wait, one message has ${bytesLargest}`,
  );
  rig.settle(slow, fast);
  slow.check();
  equal(slow.counts.changes, fast.counts.changes);
});

test('consumers that go on are told everything, and those that rest have bounded buffers', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const rig = new Rig(seed);
    const random = new Random(seed);
    const shares = [8, 30, 100, 300, 8, 100];
    const watches = shares.map((share) => rig.watch({ bufferBytes: share, shareBytesMin: 8 }));
    rig.settle(...watches);
    for (let phase = 0; phase < 20; phase++) {
      const going = watches.filter(() => random.chance(0.4));
      for (let round = 0; round < 10; round++) {
        rig.write(random.below(3));
        for (const watch of watches) {
          if (going.includes(watch) || random.chance(0.1)) watch.consume(random.below(4));
        }
      }
      rig.settle(...going);
      for (const [at, { bytesWaiting, bytesLargest }] of watches.entries()) {
        const most = (shares[at] ?? 0) + bytesLargest;
        ok(bytesWaiting < most, `${bytesWaiting} bytes wait of ${most}`);
      }
    }
    rig.settle(...watches);
    for (const watch of watches) watch.check();
  }
});

test('watches that begin one after another share their first read', () => {
  const rig = new Rig();
  rig.write(200);
  const watches: WatchConsumer[] = [];
  for (let count = 0; count < 50; count++) {
    watches.push(rig.watch({ bufferBytes: 100_000 }));
    rig.shard.step();
    rig.crawl(20);
    if (count % 10 === 0) rig.nodes.pump();
  }
  rig.settle(...watches);
  const { opened } = rig.nodes.counts;
  ok(opened <= 15, `${opened} streams for 50 watches`);
  for (const watch of watches) watch.check();
});

test('one that reads again joins no stream whose first page may be older than its barrier', () => {
  const member = (leastIndex: number) => {
    const reader = new StreamReader({ range: RANGE, keysOnly: false, mark: undefined });
    return { reader, backlog: new Backlog({ share: 100 }), leastIndex, seat: 0 };
  };
  const first = member(50);
  const place = { id: 1, node: 1 as NodeId, name: 'equal', now: 0 };
  const connection = new Connection({ number: 1, url: '', name: '', dialledAt: 0 });
  const stream = new SharedStream({ ...place, connection, first, atLeast: 50 });
  ok(stream.suits(member(0)) && stream.suits(member(50)));
  ok(!stream.suits(member(51)));
  // Behind the first page, one at the same position lacks the same.
  const mark = { position: { index: 60, term: 1 }, skip: 0 };
  const other = member(70);
  first.reader.continueFrom(mark);
  other.reader.continueFrom(mark);
  ok(stream.suits(other));
});
