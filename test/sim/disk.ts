/** One node's disk: files and rows in memory, their latency, and what a crash leaves of them. */

import type { Random } from '../../src/base/random.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { MemoryState } from '../support/twins/memory-state.ts';
import type { Agenda } from './agenda.ts';
import type { Probes } from './probes.ts';

export interface DiskSpeed {
  /** The mean of an fsync in milliseconds; exponential. */
  readonly mean: number;
  readonly minimum: number;
}

export const GOOD_SPEED: DiskSpeed = { mean: 1, minimum: 0.2 };

export interface DiskOptions {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly probes: Probes;
  /** The disk has answered; the process handles the completion when it gets to it. */
  readonly deliver: (complete: () => void) => void;
}

export class Disk {
  readonly #options: DiskOptions;
  readonly #random: Random;
  files: MemoryFiles;
  state: MemoryState;
  speed: DiskSpeed = GOOD_SPEED;
  #stalledUntil = 0;
  #failingUntil = Number.NEGATIVE_INFINITY;
  #fullUntil = Number.NEGATIVE_INFINITY;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#random = options.random;
    this.files = this.#newFiles();
    this.state = this.#newState();
  }

  #newFiles(): MemoryFiles {
    return new MemoryFiles({
      schedule: (complete) => this.#schedule(complete),
      scheduleSoon: (complete) => this.#options.agenda.after(0, complete),
    });
  }

  #newState(): MemoryState {
    return new MemoryState({ schedule: (report) => this.#schedule(report) });
  }

  /** Calls may be answered in any order, as they are by the threads of a pool. */
  #schedule(complete: () => void): void {
    const { agenda, deliver } = this.#options;
    const done = Math.max(agenda.now, this.#stalledUntil) + this.#latency();
    agenda.at(done, () => deliver(complete));
  }

  /** Power fails: of the writes in progress a part that a real disk could have kept remains. */
  crash(): void {
    this.#options.probes.hit('disk power loss');
    this.files.crash(this.#random);
    this.state.crash({ keepsUnfinished: this.#random.chance(0.5) });
  }

  /** The process ends; what it wrote stays with the system. */
  kill(): void {
    this.#options.probes.hit('disk process death');
    this.files.kill();
    this.state.crash({ keepsUnfinished: this.#random.chance(0.5) });
  }

  /** A new empty disk. */
  wipe(): void {
    this.files.kill();
    this.state.crash({ keepsUnfinished: false });
    this.mend();
    this.makeRoom();
    this.files = this.#newFiles();
    this.state = this.#newState();
  }

  stall(until: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, until);
  }

  /** Bytes of all files. */
  get size(): number {
    const entries = this.files.list();
    return Array.isArray(entries) ? entries.reduce((sum, { size }) => sum + size, 0) : 0;
  }

  /** Bytes that can still be written. */
  fill(left: number): void {
    this.files.capacity = this.size + left;
    this.#fullUntil = Number.POSITIVE_INFINITY;
  }

  makeRoom(): void {
    this.files.capacity = Number.POSITIVE_INFINITY;
    this.#fullUntil = Math.min(this.#fullUntil, this.#options.agenda.now);
  }

  /** Whether it has been full at any time since then. */
  wasFullSince(time: number): boolean {
    return this.#fullUntil >= time;
  }

  /** The next calls are to fail. */
  fail(): void {
    this.#failingUntil = Number.POSITIVE_INFINITY;
  }

  mend(): void {
    this.files.heal();
    this.state.fault = undefined;
    this.#failingUntil = Math.min(this.#failingUntil, this.#options.agenda.now);
  }

  wasFailingSince(time: number): boolean {
    return this.#failingUntil >= time;
  }

  /** Back to the original speed. */
  recover(): void {
    this.#stalledUntil = 0;
    this.speed = GOOD_SPEED;
  }

  heal(): void {
    this.recover();
    this.mend();
    this.makeRoom();
  }

  #latency(): number {
    const { mean, minimum } = this.speed;
    return minimum - Math.log(1 - this.#random.fraction()) * mean;
  }
}
