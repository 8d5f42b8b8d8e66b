/** The window of a lane follows what its path carries. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { TRANSPORT_LIMITS } from '../../src/base/transport-limits.ts';
import { SendWindow } from '../../src/transport/lane-window.ts';

const LIMITS = TRANSPORT_LIMITS;
const { queueMilliseconds, windowBytesMin, windowBytesStart, windowBytesMax } = LIMITS;

interface PathOptions {
  readonly bytesPerMillisecond: number;
  readonly roundTripMilliseconds: number;
}

/** A path with a queue of its own, and a sender that always has more to send. */
class Path {
  readonly window = new SendWindow(LIMITS, 0);
  bytesPerMillisecond: number;
  roundTripMilliseconds: number;
  now = 0;
  carried = 0;
  /** How long the last byte that left waits for those before it. */
  queued = 0;
  #freeAt = 0;
  #answers: { readonly number: number; readonly at: number }[] = [];

  constructor({ bytesPerMillisecond, roundTripMilliseconds }: PathOptions) {
    this.bytesPerMillisecond = bytesPerMillisecond;
    this.roundTripMilliseconds = roundTripMilliseconds;
  }

  /** With so many bytes to send in each millisecond. */
  run(milliseconds: number, wanted = Number.POSITIVE_INFINITY): void {
    for (const until = this.now + milliseconds; this.now < until; this.now++) {
      while (this.#answers[0] !== undefined && this.#answers[0].at <= this.now) {
        const { number } = this.#answers.shift() as { number: number };
        assert.ok(this.window.answered(number, this.now));
        this.#mark();
      }
      let left = wanted;
      while (left > 0 && this.window.roomAt(this.now) > 0) {
        const bytes = Math.min(LIMITS.pieceBytesMax, left);
        left -= bytes;
        this.send(bytes);
      }
      this.queued = Math.max(this.#freeAt - this.now, 0);
    }
  }

  send(bytes: number): void {
    this.window.left(bytes, this.now);
    this.carried += bytes;
    this.#freeAt = Math.max(this.#freeAt, this.now) + bytes / this.bytesPerMillisecond;
    this.#mark();
  }

  #mark(): void {
    const number = this.window.takeMark(this.now);
    if (number === undefined) return;
    const at = Math.max(this.#freeAt, this.now) + this.roundTripMilliseconds;
    this.#answers.push({ number, at });
  }
}

/** The longest queue of a period. */
function worstQueue(path: Path, milliseconds: number): number {
  let worst = 0;
  for (let passed = 0; passed < milliseconds; passed += 5) {
    path.run(5);
    worst = Math.max(worst, path.queued);
  }
  return worst;
}

for (const roundTripMilliseconds of [1, 30, 300]) {
  for (const bytesPerMillisecond of [200, 2000, 20_000]) {
    const name = `${bytesPerMillisecond} kB/s and a round trip of ${roundTripMilliseconds} ms`;
    test(`a path of ${name} is filled, and its queue stays short`, () => {
      const path = new Path({ bytesPerMillisecond, roundTripMilliseconds });
      path.run(10_000);
      const before = path.carried;
      const worst = worstQueue(path, 60_000);
      const share = (path.carried - before) / (60_000 * bytesPerMillisecond);
      // Election timeouts follow round trips, so the harmless delay does too.
      const harmless = 2.5 * queueMilliseconds + roundTripMilliseconds;
      assert.ok(worst <= harmless, `a queue of ${worst.toFixed()} ms`);
      assert.ok(share > 0.4, `${(100 * share).toFixed()} % of what it carries`);
    });
  }
}

test('a path that becomes narrow is detected after one window, and a wide one again', () => {
  const path = new Path({ bytesPerMillisecond: 20_000, roundTripMilliseconds: 1 });
  path.run(5000);
  const wide = path.window.bytes;
  assert.ok(wide > 500_000, `a window of ${wide} bytes on a wide path`);
  path.bytesPerMillisecond = 200;
  path.run(wide / 200 + 2000);
  assert.ok(worstQueue(path, 10_000) <= 2.5 * queueMilliseconds, 'narrow');
  path.bytesPerMillisecond = 20_000;
  path.run(5000);
  assert.ok(path.window.bytes > 500_000, `${path.window.bytes} bytes, wide again`);
});

test('a slower path is no queue: its window grows again', () => {
  const path = new Path({ bytesPerMillisecond: 20_000, roundTripMilliseconds: 1 });
  path.run(5000);
  path.roundTripMilliseconds = 200;
  path.run(3 * LIMITS.windowStretchMilliseconds);
  const before = path.carried;
  path.run(10_000);
  const rate = (path.carried - before) / 10_000;
  assert.ok(rate > 2000, `${rate.toFixed()} kB/s over a path of 200 ms`);
});

test('a window that is not needed does not grow, and shrinks in silence', () => {
  const path = new Path({ bytesPerMillisecond: 20_000, roundTripMilliseconds: 1 });
  path.run(20_000, 10);
  assert.equal(path.window.bytes, windowBytesStart);
  path.run(5000);
  assert.ok(path.window.bytes > 500_000);
  path.run(10_000, 0);
  path.send(1);
  assert.ok(path.window.bytes < 20_000, `${path.window.bytes} bytes after ten seconds`);
});

test('while an answer is overdue nothing more leaves', () => {
  const window = new SendWindow(LIMITS, 0);
  window.left(windowBytesStart / 2, 0);
  const number = window.takeMark(0) ?? assert.fail();
  assert.ok(window.roomAt(queueMilliseconds) > 0);
  assert.equal(window.roomAt(queueMilliseconds + 1), 0);
  assert.ok(window.answered(number, queueMilliseconds + 1));
  assert.ok(window.roomAt(queueMilliseconds + 1) >= windowBytesMin);
  assert.ok(window.bytes <= windowBytesMax);
});

test('an answer to no mark is refused', () => {
  const window = new SendWindow(LIMITS, 0);
  assert.equal(window.answered(1, 0), false);
});
