/** Frames between nodes: each directed link delays, loses, repeats, cuts and clogs by itself. */

import type { Random } from '../../src/base/random.ts';
import type { Agenda } from './agenda.ts';
import type { Probes } from './probes.ts';

/** All messages of a node to another in one turn, and their sender. */
export interface Frame {
  readonly from: number;
  readonly to: number;
  /** The life of the sender. */
  readonly boot: number;
  readonly lane: Lane;
  readonly bytes: Uint8Array;
}

/** Snapshots use a connection of their own and cannot delay the rest. */
export type Lane = 'main' | 'bulk';

export interface LinkTrouble {
  loss: number;
  duplicate: number;
  lateDuplicate: number;
  isReordered: boolean;
  /** The mean of the latency's exponential part, in milliseconds. */
  latencyMean: number;
  /** How often a frame takes very long, and how long at most. */
  spikeChance: number;
  spikeMax: number;
}

const NO_TROUBLE: LinkTrouble = {
  loss: 0,
  duplicate: 0,
  lateDuplicate: 0,
  isReordered: false,
  latencyMean: 0.5,
  spikeChance: 0.001,
  spikeMax: 20,
};

const LATENCY_MIN = 0.1;
/** Virtual time moves in steps of this: frames arrive together, as in a real event loop. */
const GRAIN = 0.05;

interface Link {
  readonly random: Random;
  readonly trouble: LinkTrouble;
  isCut: boolean;
  isClogged: boolean;
  readonly clogged: Frame[];
  /** A broken connection loses the frames in transit. */
  generation: number;
  readonly lastAt: { main: number; bulk: number };
  /** In transit, in the order in which they were sent. */
  readonly queue: { readonly main: Flight[]; readonly bulk: Flight[] };
}

interface Flight {
  readonly frame: Frame;
  readonly generation: number;
}

export interface NetworkOptions {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly probes: Probes;
  readonly nodes: number;
  readonly deliver: (frame: Frame) => void;
  /** A node detects that its connection to a peer broke. */
  readonly onBroken: (node: number, peer: number) => void;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #links: Link[] = [];

  constructor(options: NetworkOptions) {
    this.#options = options;
    for (let at = 0; at < options.nodes * options.nodes; at++) {
      const label = `link ${Math.floor(at / options.nodes)} ${at % options.nodes}`;
      this.#links.push({
        random: options.random.fork(label),
        trouble: { ...NO_TROUBLE },
        isCut: false,
        isClogged: false,
        clogged: [],
        generation: 0,
        lastAt: { main: 0, bulk: 0 },
        queue: { main: [], bulk: [] },
      });
    }
  }

  send(frame: Frame): void {
    const { agenda, probes } = this.#options;
    const link = this.#link(frame.from, frame.to);
    const { random, trouble } = link;
    const isLost = trouble.loss > 0 && random.chance(trouble.loss);
    if (link.isCut || isLost) {
      probes.hit(link.isCut ? 'network cut' : 'network lost');
      return;
    }
    if (link.isClogged) {
      probes.hit('network clogged');
      link.clogged.push(frame);
      return;
    }
    this.#carry(link, frame);
    if (trouble.duplicate > 0 && random.chance(trouble.duplicate)) {
      probes.hit('network duplicate');
      this.#carry(link, frame);
    }
    if (trouble.lateDuplicate > 0 && random.chance(trouble.lateDuplicate)) {
      const delay = random.chance(0.5)
        ? random.between(1000, 10_000)
        : random.between(10_000, 90_000);
      agenda.after(delay, () => {
        if (trouble.lateDuplicate === 0) return;
        probes.hit('network late duplicate');
        this.#options.deliver(frame);
      });
    }
  }

  #carry(link: Link, frame: Frame): void {
    const { agenda } = this.#options;
    const flight = { frame, generation: link.generation };
    let at = Math.ceil((agenda.now + this.#latency(link)) / GRAIN) * GRAIN;
    if (link.trouble.isReordered) {
      agenda.at(at, () => this.#land(link, flight));
      return;
    }
    const queue = link.queue[frame.lane];
    at = Math.max(at, link.lastAt[frame.lane]);
    link.lastAt[frame.lane] = at;
    queue.push(flight);
    // Ties are drawn, so the frame that was sent first arrives, not the one of this event.
    agenda.at(at, () => this.#land(link, queue.shift()));
  }

  #land(link: Link, flight: Flight | undefined): void {
    if (flight === undefined) return;
    if (link.generation === flight.generation) this.#options.deliver(flight.frame);
    else this.#options.probes.hit('network frame of a broken connection');
  }

  #latency({ random, trouble }: Link): number {
    if (random.chance(trouble.spikeChance)) return random.fraction() * trouble.spikeMax;
    return LATENCY_MIN - Math.log(1 - random.fraction()) * trouble.latencyMean;
  }

  #link(from: number, to: number): Link {
    return this.#links[from * this.#options.nodes + to] as Link;
  }

  trouble(from: number, to: number, change: Partial<LinkTrouble>): void {
    Object.assign(this.#link(from, to).trouble, change);
  }

  isCut(from: number, to: number): boolean {
    return this.#link(from, to).isCut;
  }

  cut(from: number, to: number): void {
    const link = this.#link(from, to);
    if (link.isCut) return;
    link.isCut = true;
    link.generation += 1;
    link.clogged.length = 0;
    // Half of all cuts are detected after a while; the rest leave a half-open connection.
    if (!link.random.chance(0.5)) return;
    this.#options.agenda.after(link.random.between(1, 500), () => this.#options.onBroken(from, to));
  }

  restore(from: number, to: number): void {
    this.#link(from, to).isCut = false;
  }

  clog(from: number, to: number): void {
    this.#link(from, to).isClogged = true;
  }

  unclog(from: number, to: number): void {
    const link = this.#link(from, to);
    link.isClogged = false;
    for (const frame of link.clogged.splice(0)) this.#carry(link, frame);
  }

  heal(): void {
    const { nodes } = this.#options;
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) {
        this.restore(from, to);
        this.unclog(from, to);
        Object.assign(this.#link(from, to).trouble, NO_TROUBLE);
        this.#hurry(this.#link(from, to));
      }
    }
  }

  /** Frames that were sent during a fault do not delay those that are sent from now on. */
  #hurry(link: Link): void {
    for (const lane of ['main', 'bulk'] as const) {
      link.lastAt[lane] = 0;
      for (const flight of link.queue[lane].splice(0)) this.#land(link, flight);
    }
  }
}
