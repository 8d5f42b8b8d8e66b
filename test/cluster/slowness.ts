/** Slow is not down: without faults, disks, processors and links are slow in turns. */

import type { Random } from '../../src/base/random.ts';
import { SimFailure } from '../sim/failure.ts';
import type { Probes } from '../sim/probes.ts';
import type { Computer } from './computer.ts';
import type { WriteRecord } from './customer.ts';
import { GOOD_SPEED } from './disk-speed.ts';
import type { Surroundings } from './surroundings.ts';

/** In shards whose nodes change their speed every second. */
const ELECTIONS_PER_MINUTE = 1;
/** The same, with leaders that handed over to a faster voter. */
const CHANGES_PER_MINUTE = 4;
/** Of the writes that ended; the others timed out in a queue. */
const ANSWERED_SHARE = 0.5;

const KINDS = ['disk', 'disks', 'processor', 'processors', 'links'] as const;
type Kind = (typeof KINDS)[number];

/** A share of a processor is granted in periods, as the kernel does it. */
const PERIOD_MILLISECONDS = 100;

interface StarvingOptions {
  readonly agenda: Surroundings['agenda'];
  /** Of one processor. */
  readonly share: number;
}

/** The process runs for its share of each period until the returned function is called. */
export function starve(computer: Computer, { agenda, share }: StarvingOptions): () => void {
  let isOver = false;
  const again = () => {
    if (isOver) return;
    computer.stall(PERIOD_MILLISECONDS * (1 - share));
    agenda.after(PERIOD_MILLISECONDS, again);
  };
  again();
  return () => {
    isOver = true;
  };
}

interface SlownessOptions {
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly computers: readonly Computer[];
}

export class Slowness {
  readonly #options: SlownessOptions;
  readonly #undo = new Set<() => void>();
  /** The resources that are slow now. */
  readonly #inForce = new Set<string>();

  constructor(options: SlownessOptions) {
    this.#options = options;
  }

  /** Over a span of virtual time; then everything is as fast as before. */
  run(milliseconds: number): void {
    const { surroundings, random } = this.#options;
    const { agenda } = surroundings;
    const until = agenda.now + milliseconds;
    const next = () => {
      if (agenda.now >= until) return;
      this.#strike();
      agenda.after(random.between(1000, 8000), next);
    };
    next();
    agenda.runUntil(until);
    for (const undo of [...this.#undo]) undo();
  }

  #strike(): void {
    const { surroundings, random, computers } = this.#options;
    const { agenda, network, probes } = surroundings;
    const kind = random.pick(KINDS);
    // Two of the same kind at once would add up to a standstill.
    if (this.#inForce.has(resourceOf(kind))) return;
    probes.hit(`slow ${kind}`);
    const one = random.pick(computers);
    switch (kind) {
      case 'disk':
      case 'disks': {
        const minimum = random.pick([50, 100, 200, 500]);
        const slow = kind === 'disk' ? [one] : computers;
        for (const computer of slow) computer.speed = { minimum, mean: minimum / 10 };
        return this.#later(kind, () => {
          for (const computer of slow) computer.speed = GOOD_SPEED;
        });
      }
      case 'processor':
      case 'processors': {
        const share = random.pick([0.5, 0.25, 0.1, 0.03]);
        const hungry = kind === 'processor' ? [one] : computers;
        const feed = hungry.map((computer) => starve(computer, { agenda, share }));
        return this.#later(kind, () => {
          for (const stop of feed) stop();
        });
      }
      case 'links': {
        const delay = random.pick([20, 75, 150]);
        const urls = computers.map(({ url }) => url);
        const pairs = urls.flatMap((from) => urls.map((to) => ({ from, to })));
        for (const pair of pairs) network.disturb(pair, { delayMin: delay, delayMax: delay * 1.2 });
        return this.#later(kind, () => {
          for (const pair of pairs) network.disturb(pair, { delayMin: 0.1, delayMax: 1 });
        });
      }
    }
  }

  #later(kind: Kind, undo: () => void): void {
    const { surroundings, random } = this.#options;
    this.#inForce.add(resourceOf(kind));
    const once = () => {
      if (!this.#undo.delete(once)) return;
      this.#inForce.delete(resourceOf(kind));
      undo();
    };
    this.#undo.add(once);
    surroundings.agenda.after(random.between(2000, 20_000), once);
  }
}

function resourceOf(kind: Kind): string {
  return kind.replace(/s$/, '');
}

interface Course {
  readonly shards: number;
  readonly milliseconds: number;
  readonly now: number;
  /** The writes that ended meanwhile. */
  readonly writes: readonly WriteRecord[];
}

/** How often leadership moved so far. */
export function leadersOf({ counts }: Probes): { readonly elected: number; readonly all: number } {
  const all = counts.get('became-leader') ?? 0;
  return { elected: all - (counts.get('transfer-sent') ?? 0), all };
}

type Leaders = ReturnType<typeof leadersOf>;

/** A shard keeps its leader, and customers get their answers. */
export function judgeSlowness(
  { shards, milliseconds, now, writes }: Course,
  leaders: Leaders,
): void {
  const minutes = (shards * milliseconds) / 60_000;
  const fail = (text: string) => {
    throw new SimFailure('liveness', `${text} of ${minutes.toFixed(1)} minutes of slow shards`, {
      time: now,
    });
  };
  const { elected, all } = leaders;
  if (elected > 2 + ELECTIONS_PER_MINUTE * minutes) fail(`${elected} elections`);
  if (all > 4 + CHANGES_PER_MINUTE * minutes) fail(`${all} changes of leader`);
  const answered = writes.filter(({ outcome }) => outcome !== 'unknown').length;
  if (answered < ANSWERED_SHARE * writes.length) {
    fail(`${answered} of ${writes.length} writes were answered in the course`);
  }
}
