/** The open loop, on a clock of its own. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Arrivals, runOpenLoop } from '../../bench/load/open-loop.ts';
import { Random } from '../../src/base/random.ts';

const SEED = 14;

/** A clock whose timers fire in their order, as soon as nothing else is left to do. */
class Clock {
  #now = 0;
  readonly #timers: { readonly at: number; readonly fire: () => void }[] = [];
  readonly #random = new Random(SEED);

  readonly now = () => this.#now;
  readonly draw = () => this.#random.below(1_000_000) / 1_000_000;
  readonly later = (fire: () => void, milliseconds: number) => {
    this.#timers.push({ at: this.#now + milliseconds, fire });
  };

  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.later(resolve, milliseconds));
  }

  async runUntil(done: Promise<unknown>): Promise<void> {
    let isDone = false;
    void done.finally(() => {
      isDone = true;
    });
    for (;;) {
      // All promises that can settle now do.
      await new Promise((resume) => setImmediate(resume));
      if (isDone) return;
      this.#timers.sort((one, other) => one.at - other.at);
      const timer = this.#timers.shift();
      assert.ok(timer !== undefined, 'the loop waits for a timer');
      this.#now = timer.at;
      timer.fire();
    }
  }
}

interface Case {
  readonly callers?: number;
  readonly rate?: number;
  readonly answer: (clock: Clock) => Promise<void>;
}

async function runCase({ callers = 1000, rate = 100, answer }: Case) {
  const clock = new Clock();
  const work = () => answer(clock);
  const run = runOpenLoop({ name: 'case', callers, seconds: 10, rate, work }, clock);
  await clock.runUntil(run);
  return run;
}

test('arrivals have the rate that was asked for, and gaps that differ', () => {
  const random = new Random(SEED);
  const draw = () => random.below(1_000_000) / 1_000_000;
  const arrivals = new Arrivals({ rate: 1000, start: 0, draw });
  const gaps: number[] = [];
  for (let last = 0, at = 0; at < 20_000; at++) {
    const due = arrivals.take();
    gaps.push(due - last);
    last = due;
  }
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  assert.ok(Math.abs(mean - 1) < 0.03, `the mean gap is ${mean} ms`);
  // As many of an exponential distribution are beyond the mean.
  const beyond = gaps.filter((gap) => gap > 1).length / gaps.length;
  assert.ok(Math.abs(beyond - Math.exp(-1)) < 0.02, `${beyond} of the gaps are beyond the mean`);
});

test('a quick system is asked at the rate', async () => {
  const { operations, latencies, unsent } = await runCase({ answer: (clock) => clock.pause(5) });
  assert.ok(Math.abs(operations - 1000) < 100, `${operations} operations in 10 s of 100/s`);
  assert.equal(unsent, 0);
  const { p50, max } = latencies.quantiles;
  assert.ok(p50 >= 5 && max < 7, `p50 ${p50}, max ${max}`);
});

test('all that becomes due in a pause of the system counts as delayed', async () => {
  // It stands still from second 4 to 5. A closed loop would have seen one slow answer a caller.
  const { latencies } = await runCase({
    callers: 1,
    rate: 50,
    answer: (clock) => clock.pause(clock.now() > 4000 && clock.now() < 5000 ? 1000 : 1),
  });
  const { p50, p99, max } = latencies.quantiles;
  assert.ok(p50 < 5, `p50 ${p50}`);
  // A tenth of all operations became due in that second: at the median they waited half of it.
  assert.ok(p99 > 800 && max > 950 && max < 1100, `p99 ${p99}, max ${max}`);
});

test('what is due before the end and finds no free caller is told as unsent', async () => {
  const { operations, unsent } = await runCase({
    callers: 1,
    answer: (clock) => clock.pause(100),
  });
  assert.ok(operations <= 101, `${operations} operations of 100 ms by one caller in 10 s`);
  assert.ok(Math.abs(operations + unsent - 1000) < 100, `${operations} sent, ${unsent} not`);
});

test('failures are counted apart from latencies', async () => {
  let calls = 0;
  const { operations, failed, latencies } = await runCase({
    answer: async (clock) => {
      calls += 1;
      const isFailing = calls % 4 === 0;
      await clock.pause(1);
      if (isFailing) throw new Error('refused');
    },
  });
  assert.equal(failed, Math.floor(calls / 4));
  assert.equal(latencies.count, calls - failed);
  assert.ok(operations <= latencies.count);
});
