/** Flows take turns, and are charged for their work. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  type FairJob,
  FairQueue,
  Flow,
  FlowGroup,
  type Stage,
} from '../../src/shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';

const { sliceCost, quantumCost } = FAIRNESS_LIMITS;

class Rig {
  readonly queue = new FairQueue({
    onWork: () => {
      this.calls += 1;
    },
  });
  calls = 0;
  readonly done: string[] = [];

  share(group?: FlowGroup): Flow & { hasRoom: boolean } {
    const room = { hasRoom: true };
    const share = new Flow({ client: 1, mayGoOn: () => made.hasRoom, group });
    const made = Object.assign(share, room);
    return made;
  }

  ask(share: Flow, name: string, cost: number, stage: Stage = 'asked'): void {
    const run = () => {
      this.done.push(name);
      return cost;
    };
    const drop = () => this.done.push(`no ${name}`);
    this.queue.add(share, { run, drop, isOver: true }, stage);
  }

  turn(): readonly string[] {
    const before = this.done.length;
    this.queue.beginTurn();
    this.queue.work();
    this.queue.endTurn();
    return this.done.slice(before);
  }
}

test('a flow with many requests does not delay one with few', () => {
  const rig = new Rig();
  const [greedy, polite] = [rig.share(), rig.share()];
  for (let at = 0; at < 4000; at++) rig.ask(greedy, 'greedy', quantumCost);
  rig.turn();
  rig.ask(polite, 'polite', 1000);
  ok(rig.turn().slice(0, 2).includes('polite'), 'it is among the first of the next turn');
  equal(rig.queue.hasWork, true);
});

test('a turn serves one slice, and the rest waits for the next one', () => {
  const rig = new Rig();
  const share = rig.share();
  const [count, cost] = [100, quantumCost / 2];
  for (let at = 0; at < count; at++) rig.ask(share, 'one', cost);
  let turns = 0;
  for (; rig.queue.hasWork; turns++) ok(rig.turn().length * cost <= sliceCost);
  equal(turns, Math.ceil((count * cost) / sliceCost));
  equal(rig.done.length, count);
});

test('the cost is shared, not the number of requests', () => {
  const rig = new Rig();
  const [large, small] = [rig.share(), rig.share()];
  for (let at = 0; at < 1000; at++) rig.ask(large, 'large', 4 * quantumCost);
  for (let at = 0; at < 100_000; at++) rig.ask(small, 'small', quantumCost / 100);
  for (let turns = 0; turns < 20; turns++) rig.turn();
  const larges = rig.done.filter((name) => name === 'large').length * 4;
  const smalls = (rig.done.length - larges / 4) / 100;
  ok(Math.abs(larges - smalls) <= 8, `${larges} and ${smalls} quanta`);
});

test('a debt is paid before anything more is served, also by a flow that was idle', () => {
  const rig = new Rig();
  const [debtor, other] = [rig.share(), rig.share()];
  rig.ask(debtor, 'huge', 10 * quantumCost);
  rig.turn();
  for (let at = 0; at < 100; at++) rig.ask(other, 'other', quantumCost);
  rig.ask(debtor, 'more', 1);
  const order = rig.turn();
  ok(order.indexOf('more') >= 9, `it came after ${order.indexOf('more')} quanta of the other`);
});

test('a single flow in debt is served at once', () => {
  const rig = new Rig();
  const share = rig.share();
  rig.ask(share, 'huge', 100 * quantumCost);
  rig.turn();
  rig.ask(share, 'more', 1);
  deepEqual(rig.turn(), ['more']);
});

test('a flow whose answers wait is skipped until they have left', () => {
  const rig = new Rig();
  const [full, other] = [rig.share(), rig.share()];
  full.hasRoom = false;
  rig.ask(full, 'full', 1);
  rig.ask(other, 'other', 1);
  deepEqual(rig.turn(), ['other']);
  equal(rig.queue.hasWork, false, 'it does not keep the node awake');
  rig.ask(full, 'full too', 1);
  rig.queue.tick();
  deepEqual(rig.turn(), []);
  full.hasRoom = true;
  const { calls } = rig;
  rig.queue.tick();
  ok(rig.calls > calls, 'a turn follows');
  deepEqual(rig.turn(), ['full', 'full too']);
});

test('within a flow, begun work goes first, then granted reads, then new requests', () => {
  const rig = new Rig();
  const share = rig.share();
  rig.ask(share, 'asked', 1, 'asked');
  rig.ask(share, 'granted', 1, 'granted');
  rig.ask(share, 'begun', 1, 'begun');
  deepEqual(rig.turn(), ['begun', 'granted', 'asked']);
});

test('work that is not ready waits, and does not delay begun work', () => {
  const rig = new Rig();
  const share = rig.share();
  let isReady = false;
  const waiting: FairJob = {
    get isReady() {
      return isReady;
    },
    run: () => rig.done.push('waited'),
    isOver: true,
  };
  rig.queue.add(share, waiting, 'granted');
  deepEqual(rig.turn(), []);
  equal(rig.queue.hasWork, false);
  rig.ask(share, 'begun', 1, 'begun');
  deepEqual(rig.turn(), ['begun']);
  isReady = true;
  rig.queue.list(share);
  deepEqual(rig.turn(), ['waited']);
});

test('a closed flow is not served, and its begun work is cancelled', () => {
  const rig = new Rig();
  const [gone, other] = [rig.share(), rig.share()];
  rig.ask(gone, 'one', 1);
  rig.ask(gone, 'two', 1, 'begun');
  rig.ask(other, 'other', 1);
  gone.leave();
  rig.ask(gone, 'three', 1);
  deepEqual(rig.turn(), ['other']);
  deepEqual(rig.done.filter((name) => name.startsWith('no')).sort(), [
    'no one',
    'no three',
    'no two',
  ]);
});

test('work that no client requested has turns as well', () => {
  const rig = new Rig();
  const run = () => rig.done.push('own');
  rig.queue.add(undefined, { run, isOver: true }, 'granted');
  deepEqual(rig.turn(), ['own']);
});

test('a user with 50 flows and one with a single flow get half each', () => {
  const rig = new Rig();
  const group = new FlowGroup();
  const many = Array.from({ length: 50 }, () => rig.share(group));
  const one = rig.share();
  for (let at = 0; at < 400; at++) {
    for (const [number, share] of many.entries()) rig.ask(share, `${number}`, quantumCost / 4);
    for (let more = 0; more < 50; more++) rig.ask(one, 'one', quantumCost / 4);
  }
  for (let turns = 0; turns < 40; turns++) rig.turn();
  const ofOne = rig.done.filter((name) => name === 'one').length;
  ok(Math.abs(2 * ofOne - rig.done.length) <= 8, `${ofOne} of ${rig.done.length}`);
  const counts = many.map((_, number) => rig.done.filter((name) => name === `${number}`).length);
  ok(Math.max(...counts) - Math.min(...counts) <= 8, 'and within the user all get the same');
});

test('what one flow of a user owes, its others pay', () => {
  const rig = new Rig();
  const group = new FlowGroup();
  const [debtor, sibling, other] = [rig.share(group), rig.share(group), rig.share()];
  rig.ask(debtor, 'huge', 10 * quantumCost);
  rig.turn();
  for (let at = 0; at < 100; at++) rig.ask(other, 'other', quantumCost);
  rig.ask(sibling, 'sibling', 1);
  const order = rig.turn();
  ok(order.indexOf('sibling') >= 9, `it came after ${order.indexOf('sibling')} quanta`);
});

test('a flow in debt does not delay the others of its user', () => {
  const rig = new Rig();
  const group = new FlowGroup();
  const [debtor, sibling] = [rig.share(group), rig.share(group)];
  rig.ask(debtor, 'huge', 10 * quantumCost);
  rig.turn();
  rig.ask(debtor, 'more', 1);
  rig.ask(sibling, 'sibling', 1);
  deepEqual(rig.turn(), ['sibling', 'more']);
});

test('a flow whose user becomes known keeps what it has waiting', () => {
  const rig = new Rig();
  const group = new FlowGroup();
  const [late, other] = [rig.share(), rig.share(group)];
  rig.ask(late, 'late', 1);
  rig.queue.regroup(late, group);
  rig.ask(other, 'other', 1);
  deepEqual(rig.turn(), ['late', 'other']);
  equal(rig.queue.hasWork, false);
  rig.ask(late, 'again', 1);
  deepEqual(rig.turn(), ['again']);
});
