/**
 * Operations that become due at a given rate, whatever the answers do. The latency of each counts
 * from the time at which it was due, so that a slow system cannot hide a delay by being asked less
 * (coordinated omission: Tene, "How NOT to Measure Latency").
 */

import type { Loop, LoopOutcome } from './closed-loop.ts';
import { Latencies } from './latencies.ts';

/** Timers are no finer. What is due in between leaves late, and counts as late. */
const LEAST_WAIT_MILLISECONDS = 1;
/** How long the last operations may take after the end. */
const DRAIN_MILLISECONDS = 30_000;

/** The times at which operations are due: independent of each other, as those of many users are. */
export class Arrivals {
  readonly #gapMilliseconds: number;
  readonly #draw: () => number;
  #next: number;

  /** `draw` is uniform between 0 and 1. */
  constructor({ rate, start, draw }: { rate: number; start: number; draw: () => number }) {
    this.#gapMilliseconds = 1000 / rate;
    this.#draw = draw;
    this.#next = start;
    this.#advance();
  }

  get next(): number {
    return this.#next;
  }

  take(): number {
    const due = this.#next;
    this.#advance();
    return due;
  }

  /** The gaps of a Poisson process are exponential. */
  #advance(): void {
    this.#next -= Math.log(1 - this.#draw()) * this.#gapMilliseconds;
  }
}

export interface Schedule {
  readonly now: () => number;
  readonly later: (next: () => void, milliseconds: number) => void;
  readonly draw: () => number;
}

const REAL: Schedule = {
  now: () => performance.now(),
  later: (next, milliseconds) => void setTimeout(next, milliseconds),
  draw: () => Math.random(),
};

/**
 * At most `callers` operations are open; those that are due beyond that wait, and their wait is
 * part of their latency. Failures are counted.
 */
export async function runOpenLoop(
  { callers, seconds, work, rate }: Loop & { readonly rate: number },
  { now, later, draw }: Schedule = REAL,
): Promise<LoopOutcome> {
  const latencies = new Latencies();
  const began = now();
  const end = began + seconds * 1000;
  const arrivals = new Arrivals({ rate, start: began, draw });
  const counts = { open: 0, failed: 0, unsent: 0 };
  const send = (due: number) => {
    counts.open += 1;
    work().then(
      () => {
        counts.open -= 1;
        latencies.record(now() - due);
      },
      () => {
        counts.open -= 1;
        counts.failed += 1;
      },
    );
  };
  await new Promise<void>((resolve) => {
    const turn = () => {
      const time = Math.min(now(), end);
      while (arrivals.next <= time && counts.open < callers) send(arrivals.take());
      if (now() >= end) resolve();
      else later(turn, Math.max(LEAST_WAIT_MILLISECONDS, arrivals.next - now()));
    };
    turn();
  });
  for (; arrivals.next <= end; arrivals.take()) counts.unsent += 1;
  const took = (now() - began) / 1000;
  const { count: operations } = latencies;
  await drained(() => counts.open === 0, { now, later });
  const { failed, unsent } = counts;
  return { operations, seconds: took, failed, unsent, latencies };
}

function drained(
  isDone: () => boolean,
  { now, later }: Pick<Schedule, 'now' | 'later'>,
): Promise<void> {
  const until = now() + DRAIN_MILLISECONDS;
  return new Promise((resolve, reject) => {
    const look = () => {
      if (isDone()) resolve();
      else if (now() < until) later(look, LEAST_WAIT_MILLISECONDS);
      else reject(new Error(`operations are open ${DRAIN_MILLISECONDS} ms after the end`));
    };
    look();
  });
}
