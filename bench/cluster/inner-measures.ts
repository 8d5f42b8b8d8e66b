/** What a process knows of itself while it is measured: event loop, collector and sockets. */

import { Socket } from 'node:net';
import {
  type IntervalHistogram,
  monitorEventLoopDelay,
  PerformanceObserver,
} from 'node:perf_hooks';

/** Each sample wakes the process up, which costs something: fifty in a second are negligible. */
const RESOLUTION_MILLISECONDS = 20;

export interface InnerMeasures {
  readonly milliseconds: number;
  /** Beyond the interval of the samples. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly collectorMilliseconds: number;
  /** System calls that wrote to a socket. */
  readonly socketWrites: number;
}

/** Orders that a parent sends over IPC. */
export type MeasureOrder = 'begin-measures' | 'end-measures';

export class InnerMeter {
  #delay: IntervalHistogram | undefined;
  #began = 0;
  #collectorMilliseconds = 0;
  #socketWrites = 0;
  #writesAtBegin = 0;
  readonly #collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#collectorMilliseconds += duration;
  });

  /** Counts the writes of all sockets of this process from now on. */
  constructor() {
    const count = () => {
      this.#socketWrites += 1;
    };
    // Corked frames leave by `_writev`, a single one by `_write`: one system call each.
    const { _write: write, _writev: writev } = Socket.prototype;
    Socket.prototype._write = function (...words) {
      count();
      write.apply(this, words);
    };
    if (writev === undefined) return;
    Socket.prototype._writev = function (...words) {
      count();
      writev.apply(this, words);
    };
  }

  begin(): void {
    this.#began = performance.now();
    this.#collectorMilliseconds = 0;
    this.#writesAtBegin = this.#socketWrites;
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });
    this.#delay.enable();
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  end(): InnerMeasures {
    this.#delay?.disable();
    this.#collections.disconnect();
    // The histogram contains the interval itself.
    const beyond = (nanoseconds = 0) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MILLISECONDS);
    return {
      milliseconds: performance.now() - this.#began,
      loopDelayP99Ms: beyond(this.#delay?.percentile(99)),
      loopDelayMaxMs: beyond(this.#delay?.max),
      collectorMilliseconds: this.#collectorMilliseconds,
      socketWrites: this.#socketWrites - this.#writesAtBegin,
    };
  }
}

/** Of several processes: sums, and the worst delay. */
export function combined(measures: readonly InnerMeasures[]): InnerMeasures {
  const sum = (of: (one: InnerMeasures) => number) =>
    measures.reduce((total, one) => total + of(one), 0);
  return {
    milliseconds: sum(({ milliseconds }) => milliseconds),
    loopDelayP99Ms: Math.max(0, ...measures.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
    loopDelayMaxMs: Math.max(0, ...measures.map(({ loopDelayMaxMs }) => loopDelayMaxMs)),
    collectorMilliseconds: sum(({ collectorMilliseconds }) => collectorMilliseconds),
    socketWrites: sum(({ socketWrites }) => socketWrites),
  };
}
