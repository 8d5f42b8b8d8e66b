/** The clocks of a client's machine: one that stands still while it sleeps, and the wall's. */

import { NodeClock } from '../sim/node-clock.ts';

export class ClientClocks {
  readonly #time: { readonly now: number };
  readonly #monotone: NodeClock;
  readonly #rate: number;
  #wallOffset = 1e12;
  #latest: number;
  #sleep: { readonly from: number; until: number } | undefined;

  constructor(time: { readonly now: number }, rate: number) {
    this.#time = time;
    this.#rate = rate;
    this.#monotone = new NodeClock({ virtual: time.now, reading: time.now, rate });
    this.#latest = time.now;
  }

  /** It never goes back. */
  get now(): number {
    const sleep = this.#sleep;
    if (sleep !== undefined && this.#time.now < sleep.until) return this.#latest;
    if (sleep !== undefined) this.#monotone.skip(sleep.from, sleep.until);
    this.#sleep = undefined;
    this.#latest = Math.max(this.#latest, this.#monotone.read(this.#time.now));
    return this.#latest;
  }

  get wall(): number {
    return this.#wallOffset + this.#time.now * this.#rate;
  }

  /** Required: it is awake. */
  suspend(milliseconds: number): void {
    this.#latest = this.now;
    const { now } = this.#time;
    this.#sleep = { from: now, until: now + milliseconds };
  }

  wake(): void {
    if (this.#sleep !== undefined) this.#sleep.until = Math.min(this.#sleep.until, this.#time.now);
  }

  setWall(milliseconds: number): void {
    this.#wallOffset += milliseconds;
  }
}
