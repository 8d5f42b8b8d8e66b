/** The latencies of one run, in an HDR histogram: from a microsecond to minutes, three digits. */

import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import type { Quantiles } from './measurement.ts';

const MICROSECONDS_MAX = 10 * 60 * 1_000_000;
const DIGITS = 3;

export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MICROSECONDS_MAX,
    numberOfSignificantValueDigits: DIGITS,
  });

  record(milliseconds: number): void {
    const microseconds = Math.round(milliseconds * 1000);
    this.#histogram.recordValue(Math.min(Math.max(microseconds, 1), MICROSECONDS_MAX));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Zeros if there is none. */
  get quantiles(): Quantiles {
    const at = (percent: number) => this.#histogram.getValueAtPercentile(percent) / 1000;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: this.#histogram.maxValue / 1000 };
  }

  /** Adds what another process encoded. */
  add(encoded: string): void {
    this.#histogram.add(decodeFromCompressedBase64(encoded));
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }
}
