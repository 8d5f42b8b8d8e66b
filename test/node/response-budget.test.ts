/** Unsent responses are bounded, for each connection and for all. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Debt, ResponseBudget } from '../../src/node/response-budget.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';

const { answerBytesMax, answersBytesMax } = FAIRNESS_LIMITS;
const { stallMilliseconds, stallMillisecondsFull } = FAIRNESS_LIMITS;

class Rig {
  readonly buffered = new Map<number, number>();
  readonly budget = new ResponseBudget({ bufferedTo: (number) => this.buffered.get(number) ?? 0 });

  /** Made and handed over in one turn; none of them has left. */
  answer(debt: Debt, bytes: number): void {
    this.budget.make(debt, bytes);
    this.budget.send(debt, bytes);
    const before = this.buffered.get(debt.connection) ?? 0;
    this.buffered.set(debt.connection, before + bytes);
    this.budget.endTurn();
  }
}

test('a connection is answered while less than its bound waits for it', () => {
  const rig = new Rig();
  const debt = new Debt(1);
  equal(rig.budget.admits(debt), true);
  rig.budget.make(debt, answerBytesMax);
  equal(rig.budget.admits(debt), false, 'what was made in this turn counts');
  rig.answer(debt, 0);
  rig.buffered.set(1, answerBytesMax);
  equal(rig.budget.admits(debt), true, 'nothing was handed over');
  rig.answer(debt, answerBytesMax);
  equal(rig.budget.admits(debt), false);
  equal(rig.budget.bytes, 2 * answerBytesMax);
  rig.buffered.set(1, answerBytesMax - 1);
  equal(rig.budget.admits(debt), false, 'a turn looks once');
  rig.budget.endTurn();
  equal(rig.budget.admits(debt), true);
  equal(rig.budget.bytes, answerBytesMax - 1);
});

test('when the budget is nearly used, connections that read their responses are served', () => {
  const rig = new Rig();
  const each = answerBytesMax / 2;
  const debts = Array.from(
    { length: (answersBytesMax / each / 4) * 3 },
    (_, at) => new Debt(at + 1),
  );
  for (const debt of debts) rig.answer(debt, each);
  ok(debts.every((debt) => !rig.budget.admits(debt)));
  const polite = new Debt(1000);
  equal(rig.budget.admits(polite), true);
  rig.budget.make(polite, answersBytesMax / 4);
  equal(rig.budget.admits(new Debt(1001)), false, 'even they have a bound');
  rig.budget.forget(polite);
  equal(rig.budget.admits(new Debt(1001)), true);
  for (const debt of debts) rig.budget.forget(debt);
  equal(rig.budget.bytes, 0);
});

test('a connection that reads nothing for long is closed, one that reads a little is not', () => {
  const rig = new Rig();
  const [stuck, slow] = [new Debt(1), new Debt(2)];
  rig.answer(stuck, 1000);
  rig.answer(slow, 1_000_000);
  const gone: number[] = [];
  for (let passed = 0; passed < 2 * stallMilliseconds && gone.length === 0; passed += 100) {
    rig.buffered.set(2, 1_000_000 - passed);
    gone.push(...rig.budget.tick(100).map(({ connection }) => connection));
  }
  deepEqual(gone, [1]);
  rig.budget.forget(stuck);
  equal(rig.budget.bytes, rig.buffered.get(2));
});

test('when the budget is used it is closed sooner: the one that is idle longest first', () => {
  const rig = new Rig();
  const count = answersBytesMax / answerBytesMax;
  const debts = Array.from({ length: count }, (_, at) => new Debt(at + 1));
  for (const debt of debts) {
    rig.answer(debt, answerBytesMax);
    rig.budget.tick(10);
  }
  deepEqual(rig.budget.tick(10), [], 'a moment is no stall');
  const gone = rig.budget.tick(stallMillisecondsFull).map(({ connection }) => connection);
  deepEqual(gone, [1]);
});

test('sent bytes are counted at a tick, and free the budget', () => {
  const rig = new Rig();
  const debt = new Debt(1);
  rig.answer(debt, 5000);
  rig.buffered.set(1, 0);
  rig.budget.tick(20);
  equal(rig.budget.bytes, 0);
  deepEqual(rig.budget.tick(stallMilliseconds), []);
});
