/** Incomplete frames are bounded, and none may be slow. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { FrameDeadline } from '../../src/transport/frame-deadline.ts';
import { ReceiveBudget } from '../../src/transport/receive-budget.ts';

test('above the bound the largest is closed, and small ones never', () => {
  const budget = new ReceiveBudget<string>({ bytesMax: 1000 });
  budget.note('small', 10);
  budget.note('large', 600);
  budget.note('other', 390);
  equal(budget.excess, undefined);
  budget.note('small', 20);
  equal(budget.excess, 'large');
  budget.note('large', 0);
  equal(budget.excess, undefined);
  equal(budget.bytes, 410);
});

test('complete frames do not count', () => {
  const budget = new ReceiveBudget<number>({ bytesMax: 1000 });
  for (let one = 0; one < 100; one++) {
    budget.note(one, 900);
    budget.note(one, 0);
  }
  equal(budget.bytes, 0);
});

const LIMITS = { frameProgressMilliseconds: 1000, frameProgressBytes: 100 };

class Rig {
  readonly socket = { bytesReceived: 0, bytesUnfinished: 0 };
  readonly #deadline = new FrameDeadline(this.socket, LIMITS);
  #now = 0;

  /** Bytes of one frame arrive, a tenth of a second apart. Returns whether it may continue. */
  pass(milliseconds: number, bytesEach: number, { isDeaf = false } = {}): boolean {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      this.#now += 100;
      this.socket.bytesReceived += bytesEach;
      this.socket.bytesUnfinished += bytesEach;
      if (!this.#deadline.check(this.#now, { isDeaf })) return false;
    }
    return true;
  }

  finish(): void {
    this.socket.bytesUnfinished = 0;
  }
}

test('a frame that progresses may take as long as it needs', () => {
  equal(new Rig().pass(1_000_000, 11), true);
});

test('a frame that arrives byte by byte may not', () => {
  equal(new Rig().pass(3000, 1), false);
});

test('a frame that stops may not, however much of it has arrived', () => {
  const rig = new Rig();
  rig.pass(500, 1_000_000);
  equal(rig.pass(3000, 0), false);
});

test('there is no deadline between frames, and each frame has its own', () => {
  const rig = new Rig();
  for (let frames = 0; frames < 10; frames++) {
    deepEqual(rig.pass(900, 1), true);
    rig.finish();
    rig.pass(100, 0);
  }
});

test('while reading is paused the deadline is suspended', () => {
  const rig = new Rig();
  rig.pass(500, 50);
  equal(rig.pass(10_000, 0, { isDeaf: true }), true);
  equal(rig.pass(900, 1), true, 'then it has its time again');
  equal(rig.pass(3000, 1), false);
});
