/**
 * Requests that wait to be served, shared fairly among clients: deficit round robin (Shreedhar and
 * Varghese, 1995). The flow of each client is served in turn and pays for the cost of its jobs. The
 * cost of a job is known only afterwards, so a flow may fall into debt; then it waits until it has
 * been granted as much as the others.
 *
 * Clients of one user share one turn: the users are served in turn, and the flows of a user within
 * its turn. So a user with many connections gets no more than one with a single connection.
 *
 * A turn of the node serves a bounded slice; the rest waits for the next turn.
 */

import { Fifo } from '../base/fifo.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';

const { quantumCost, sliceCost } = FAIRNESS_LIMITS;

/** Work that is done in steps. */
export interface FairJob {
  /** False while its flow has as many jobs of the kind in flight as it may. */
  readonly isReady?: boolean;
  /** Does one step and returns its cost. */
  run(): number;
  /** No step of it is left. */
  readonly isOver: boolean;
  /** Discards the job: its requester is gone. */
  drop?(): void;
}

/**
 * How far a job has come. Within a flow, jobs in progress are served before granted ones, and those
 * before new ones: a range that waits for a place must never block the one in progress.
 */
export type Stage = 'begun' | 'granted' | 'asked';

interface ShareOptions {
  readonly client: number;
  /** Whether there is room for one more answer. */
  readonly mayGoOn: () => boolean;
  /** With the other flows of its user; alone by default. */
  readonly group?: FlowGroup | undefined;
}

/** The flows of one user, which have one share of the node. */
export class FlowGroup {
  /** Those that can be served, in order. */
  readonly ring = new Set<Flow>();
  /** As that of a flow. */
  credit = 0;
}

/** The queue of one client: its open jobs and its credit. */
export class Flow {
  /** The number of its client at this node or at the forwarding node; 0 for no client. */
  readonly client: number;
  readonly #mayGoOn: () => boolean;
  readonly #stages = {
    begun: new Fifo<FairJob>(),
    granted: new Fifo<FairJob>(),
    asked: new Fifo<FairJob>(),
  };
  /** The credit left in this round; a negative value is a debt. */
  credit = 0;
  /** It has one share of the node with all flows of the group. */
  group: FlowGroup;
  /** Range reads in progress. */
  ranges = 0;
  /** Its connection is closed: nothing is computed for it any more. */
  isGone = false;

  constructor({ client, mayGoOn, group = new FlowGroup() }: ShareOptions) {
    this.client = client;
    this.#mayGoOn = mayGoOn;
    this.group = group;
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

  /** Does one step of its next job. Required: it has one. */
  step(): number {
    const queue = this.#next;
    const job = queue.first;
    if (job === undefined) return 0;
    // The job is removed before it runs, because it may add others.
    const cost = job.run();
    if (job.isOver && queue.first === job) queue.shift();
    this.charge(cost);
    return cost;
  }

  charge(cost: number): void {
    this.credit -= cost;
    this.group.credit -= cost;
  }

  leave(): void {
    this.isGone = true;
    for (const queue of Object.values(this.#stages)) {
      for (const job of queue.takeAll()) job.drop?.();
    }
  }

  get #next(): Fifo<FairJob> {
    const { begun, granted, asked } = this.#stages;
    if (!begun.isEmpty) return begun;
    return granted.isEmpty ? asked : granted;
  }
}

export class FairQueue {
  readonly #onWork: () => void;
  /** For requests that come from no client. */
  readonly #own = new Flow({ client: 0, mayGoOn: () => true });
  /** The groups with flows that can be served, in order. */
  readonly #ring = new Set<FlowGroup>();
  /** The flows that wait until their answers have been sent. */
  readonly #full = new Set<Flow>();
  #left: number = sliceCost;
  #isTurn = false;

  constructor({ onWork }: { readonly onWork: () => void }) {
    this.#onWork = onWork;
  }

  /** Whether a job can be served. */
  get hasWork(): boolean {
    return this.#ring.size > 0;
  }

  add(share: Flow = this.#own, job: FairJob, stage: Stage): void {
    if (share.isGone) return job.drop?.();
    share.add(job, stage);
    this.list(share);
  }

  /** Lists a flow whose next job may have become ready. */
  list(share: Flow = this.#own): void {
    if (share.isGone || !share.hasJobs || this.#full.has(share)) return;
    share.group.ring.add(share);
    this.#ring.add(share.group);
    // A running turn serves it anyway.
    if (!this.#isTurn) this.#onWork();
  }

  /** Its user has become known. Required: no request of it waits for anything but its turn. */
  regroup(share: Flow, group: FlowGroup): void {
    const isListed = share.group.ring.delete(share);
    share.group = group;
    if (isListed) this.list(share);
  }

  beginTurn(): void {
    this.#left = sliceCost;
    this.#isTurn = true;
  }

  endTurn(): void {
    this.#isTurn = false;
  }

  /** Lists the flows whose answers have been sent. */
  tick(): void {
    for (const share of this.#full) {
      if (!share.isGone && !share.mayGoOn) continue;
      this.#full.delete(share);
      this.list(share);
    }
  }

  /** Serves until the slice of this turn is used up. */
  work(): void {
    while (this.#left > 0) {
      const group = this.#ring.values().next().value;
      if (group === undefined) return;
      this.#ring.delete(group);
      group.credit = Math.min(group.credit + quantumCost, quantumCost);
      this.#serveGroup(group);
      if (group.ring.size > 0) this.#ring.add(group);
    }
  }

  /** Its flows in turn, until the credit of all of them is used up. */
  #serveGroup(group: FlowGroup): void {
    const { ring } = group;
    while (group.credit > 0 && this.#left > 0) {
      const share = ring.values().next().value;
      if (share === undefined) return;
      ring.delete(share);
      if (share.isGone) continue;
      share.credit = Math.min(share.credit + quantumCost, quantumCost);
      if (this.#serve(share)) ring.add(share);
    }
  }

  /** Returns whether the flow is to be served again. */
  #serve(share: Flow): boolean {
    while (share.hasJobs && share.credit > 0 && share.group.credit > 0) {
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
