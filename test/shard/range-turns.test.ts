/** Pages of ranges are read slice by slice, in the turns of their flows. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { FairQueue, Flow } from '../../src/shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';
import type { Wanted } from '../../src/shard/reads.ts';
import type { Response } from '../../src/wire/response.ts';
import { put } from '../machine/machine-rig.ts';
import { HeldRig } from './blocked-rig.ts';

const ROWS = 2000;
const SLICES = Math.ceil(ROWS / FAIRNESS_LIMITS.sliceRows);
const COUNT: Wanted = {
  type: 'range',
  range: {
    from: new Uint8Array(),
    to: new Uint8Array(),
    isReverse: false,
    answer: 'count',
    rowsMax: 4096,
  },
};

class Rig {
  readonly queue = new FairQueue({ onWork: () => {} });
  readonly held = new HeldRig({ fair: this.queue });
  /** The answers, in order, by the number of the client. */
  readonly answers: { readonly client: number; readonly response: Response }[] = [];
  viewsMax = 0;

  constructor() {
    for (let from = 0; from < ROWS; from += 500) {
      const commands = Array.from({ length: 500 }, (_, at) => [put(`k${from + at}`, 'x')]);
      this.held.write(...commands);
    }
  }

  share(client: number): Flow {
    return new Flow({ client, mayGoOn: () => true });
  }

  ask(share: Flow, what: Wanted, times = 1): void {
    const { client } = share;
    const respond = (response: Response) => void this.answers.push({ client, response });
    for (let id = 1; id <= times; id++) {
      const requester = { responder: { respond, share }, id };
      this.held.rig.replica.read({ requester, until: Number.POSITIVE_INFINITY, what });
    }
  }

  turn(): void {
    this.held.rig.turn();
    this.serve();
  }

  serve(): void {
    this.queue.beginTurn();
    this.queue.work();
    this.queue.endTurn();
    this.viewsMax = Math.max(this.viewsMax, this.held.rig.store.openViews);
  }

  turnsUntil(isOver: () => boolean): number {
    for (let turns = 0; turns < 5000; turns++) {
      if (isOver()) return turns;
      this.turn();
    }
    return Number.POSITIVE_INFINITY;
  }
}

let rig: Rig;

beforeEach(() => {
  rig = new Rig();
});

test('of many ranges of one client all are read, and few at a time', () => {
  const greedy = rig.share(1);
  const count = 40;
  rig.ask(greedy, COUNT, count);
  ok(rig.turnsUntil(() => rig.answers.length === count) < Number.POSITIVE_INFINITY);
  for (const { response } of rig.answers) {
    deepEqual([response.type, 'count' in response && response.count], ['range', ROWS]);
  }
  ok(rig.viewsMax <= FAIRNESS_LIMITS.rangesMax, `${rig.viewsMax} views`);
  equal(rig.held.rig.store.openViews, 0);
  equal(greedy.ranges, 0);
});

test('a read of one key is answered after a turn or two, whatever ranges others count', () => {
  const [greedy, polite] = [rig.share(1), rig.share(2)];
  rig.ask(greedy, COUNT, 100);
  for (let turns = 0; turns < 5; turns++) rig.turn();
  rig.ask(polite, { type: 'keys', keys: [Buffer.from('k1')] });
  const turns = rig.turnsUntil(() => rig.answers.some(({ client }) => client === 2));
  ok(turns <= 4, `it took ${turns} turns`);
  ok(rig.answers.filter(({ client }) => client === 1).length < 50);
});

test('two clients that count get the same share', () => {
  const [one, other] = [rig.share(1), rig.share(2)];
  rig.ask(one, COUNT, 100);
  rig.ask(other, COUNT, 20);
  rig.turnsUntil(() => rig.answers.filter(({ client }) => client === 2).length === 20);
  const ofOne = rig.answers.filter(({ client }) => client === 1).length;
  ok(Math.abs(ofOne - 20) <= FAIRNESS_LIMITS.rangesMax + SLICES, `${ofOne} beside 20`);
});

test('ranges of a closed connection release their views, and are read no further', () => {
  const gone = rig.share(1);
  rig.ask(gone, COUNT, 50);
  rig.turnsUntil(() => rig.held.rig.store.openViews > 0);
  gone.leave();
  const { length } = rig.answers;
  for (let turns = 0; turns < 20; turns++) rig.turn();
  equal(rig.answers.length, length);
  equal(rig.held.rig.store.openViews, 0);
  equal(rig.held.rig.replica.waiting, 0);
});

test('the rows of a range are charged, though they come later', () => {
  const share = rig.share(1);
  rig.ask(share, COUNT);
  let isInDebt = false;
  for (let turns = 0; turns < 20; turns++) {
    // The disk answers here, and the flow has no turn before the check.
    rig.held.rig.turn();
    isInDebt ||= share.credit < 0;
    rig.serve();
  }
  equal(rig.answers.length, 1);
  ok(isInDebt, 'a slice costs more than there is to spend in a round');
});
