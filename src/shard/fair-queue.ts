/**
 * What was asked and waits to be done, shared fairly among those who asked: deficit round robin
 * (Shreedhar and Varghese, 1995). Each share has a turn after the other and pays for what it had
 * done. What a thing costs is known only behind it, so a share may fall into debt, and then it
 * waits until as much has been granted to it as to the others.
 *
 * A turn of the node does a bounded slice of it all; what is left waits for the next turn.
 */

import { FAIRNESS_LIMITS } from '../base/fairness-limits.ts';

const { quantumCost, sliceCost } = FAIRNESS_LIMITS;

/** Something that can be done in steps. */
export interface FairJob {
  /** False while its share has as much of the kind under way as it may. */
  readonly isReady?: boolean;
  /** Does one step, and says what that cost. */
  run(): number;
  /** Nothing of it is left. */
  readonly isOver: boolean;
  /** It will not go on: who asked is gone. */
  drop?(): void;
}

/**
 * How far a job has come. Of one who asks, what was begun goes before what may be, and that before
 * what is new: a range that waits for one under way must never stand in front of it.
 */
export type Stage = 'begun' | 'granted' | 'asked';

interface ShareOptions {
  readonly client: number;
  /** Whether there is room for one more answer. */
  readonly mayGoOn: () => boolean;
}

/** One who asks: what it asked for and is not done yet, and what it has left to spend. */
export class Flow {
  /** The number of its client at this node, or at the one that it asks through; 0 for none. */
  readonly client: number;
  readonly #mayGoOn: () => boolean;
  readonly #stages = { begun: new Fifo(), granted: new Fifo(), asked: new Fifo() };
  /** What may be spent in this round; below zero is a debt. */
  credit = 0;
  /** Ranges under way. */
  ranges = 0;
  /** Its connection is closed: nothing is computed for it any more. */
  isGone = false;

  constructor({ client, mayGoOn }: ShareOptions) {
    this.client = client;
    this.#mayGoOn = mayGoOn;
  }

  get hasJobs(): boolean {
    return !this.#next.isEmpty;
  }

  get mayGoOn(): boolean {
    return this.#mayGoOn();
  }

  /** Whether its next job can take a step. */
  get isReady(): boolean {
    return this.#next.first?.isReady !== false;
  }

  add(job: FairJob, stage: Stage): void {
    this.#stages[stage].push(job);
  }

  /** One step of its next job. Required: it has one. */
  step(): number {
    const queue = this.#next;
    const job = queue.first;
    if (job === undefined) return 0;
    // It leaves before it runs: what it leads to may be added meanwhile.
    const cost = job.run();
    if (job.isOver && queue.first === job) queue.shift();
    this.credit -= cost;
    return cost;
  }

  leave(): void {
    this.isGone = true;
    for (const queue of Object.values(this.#stages)) {
      for (const job of queue.takeAll()) job.drop?.();
    }
  }

  get #next(): Fifo {
    const { begun, granted, asked } = this.#stages;
    if (!begun.isEmpty) return begun;
    return granted.isEmpty ? asked : granted;
  }
}

export class FairQueue {
  readonly #onWork: () => void;
  /** Of what no client asked for. */
  readonly #own = new Flow({ client: 0, mayGoOn: () => true });
  /** Those whose turn comes, in order. */
  readonly #ring = new Set<Flow>();
  /** Those that wait until what they were answered has left. */
  readonly #full = new Set<Flow>();
  #left: number = sliceCost;
  #isTurn = false;

  constructor({ onWork }: { readonly onWork: () => void }) {
    this.#onWork = onWork;
  }

  /** Something can be done. */
  get hasWork(): boolean {
    return this.#ring.size > 0;
  }

  add(share: Flow = this.#own, job: FairJob, stage: Stage): void {
    if (share.isGone) return job.drop?.();
    share.add(job, stage);
    this.list(share);
  }

  /** Its next job may have become ready. */
  list(share: Flow = this.#own): void {
    if (share.isGone || !share.hasJobs || this.#full.has(share)) return;
    this.#ring.add(share);
    // A turn does what it can before it ends.
    if (!this.#isTurn) this.#onWork();
  }

  beginTurn(): void {
    this.#left = sliceCost;
    this.#isTurn = true;
  }

  endTurn(): void {
    this.#isTurn = false;
  }

  /** Those whose answers have left go on. */
  tick(): void {
    for (const share of this.#full) {
      if (!share.isGone && !share.mayGoOn) continue;
      this.#full.delete(share);
      this.list(share);
    }
  }

  /** As much as is left of the turn's slice. */
  work(): void {
    while (this.#left > 0) {
      const share = this.#ring.values().next().value;
      if (share === undefined) return;
      this.#ring.delete(share);
      if (share.isGone) continue;
      share.credit = Math.min(share.credit + quantumCost, quantumCost);
      if (this.#serve(share)) this.#ring.add(share);
    }
  }

  /** Whether it is to have another turn. */
  #serve(share: Flow): boolean {
    while (share.hasJobs && share.credit > 0) {
      if (!share.isReady) return false;
      if (!share.mayGoOn) {
        this.#full.add(share);
        return false;
      }
      if (this.#left <= 0) return true;
      this.#left -= share.step();
    }
    return share.hasJobs;
  }
}

/** First in, first out, without moving what waits. */
class Fifo {
  #jobs: FairJob[] = [];
  #at = 0;

  get isEmpty(): boolean {
    return this.#at === this.#jobs.length;
  }

  get first(): FairJob | undefined {
    return this.#jobs[this.#at];
  }

  push(job: FairJob): void {
    this.#jobs.push(job);
  }

  shift(): void {
    this.#at += 1;
    if (this.#at < this.#jobs.length && this.#at < KEPT_MAX) return;
    this.#jobs = this.#jobs.slice(this.#at);
    this.#at = 0;
  }

  takeAll(): readonly FairJob[] {
    const all = this.#jobs.slice(this.#at);
    this.#jobs = [];
    this.#at = 0;
    return all;
  }
}

/** Places of jobs that are done, before they are given back. */
const KEPT_MAX = 1024;
