/**
 * An outage: no node of the cluster can be reached. A client that is told to fail fast does not let
 * calls wait for their timeouts once one has lasted for long enough.
 */

import { type CallFailure, notApplied } from './call-failure.ts';

interface OutageOptions {
  /** Milliseconds after which calls fail at once; undefined to let them wait. */
  readonly failsAfter: number | undefined;
}

export class Outage {
  readonly #failsAfter: number;
  /** When the first dial failed since a node was up last; a client that dials none is in none. */
  #since: number | undefined;
  #why = '';
  #isLong = false;
  /** A call was refused: the nodes are to be dialled again, so that a later one may succeed. */
  #isToProbe = false;

  constructor({ failsAfter = Number.POSITIVE_INFINITY }: OutageOptions) {
    this.#failsAfter = failsAfter;
  }

  /** A dial failed while no node is up. */
  fail(name: string, why: string, now: number): void {
    this.#since ??= now;
    this.#why = `${name}: ${why}`;
  }

  /** A node is up. */
  end(): void {
    this.#since = undefined;
    this.#isLong = false;
  }

  /** True once, when it has become too long for calls to wait. */
  begins(now: number): boolean {
    const wasLong = this.#isLong;
    this.#isLong ||= this.#since !== undefined && now - this.#since >= this.#failsAfter;
    return this.#isLong && !wasLong;
  }

  /** Why a call is refused; undefined if it may wait. */
  refusal(): CallFailure | undefined {
    if (!this.#isLong) return undefined;
    this.#isToProbe = true;
    return notApplied('unreachable', this.message);
  }

  get message(): string {
    const limit = `${this.#failsAfter} ms (failFastAfter)`;
    return `no node was reached for more than ${limit}; last error from ${this.#why}`;
  }

  takeProbe(): boolean {
    const isToProbe = this.#isToProbe;
    this.#isToProbe = false;
    return isToProbe;
  }
}
