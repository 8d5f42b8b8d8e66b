/** What goes wrong in a simulated cluster, until it is healed. */

import type { Random } from '../../src/base/random.ts';
import { type Computer, GOOD_SPEED } from './computer.ts';
import type { Surroundings } from './surroundings.ts';

interface FaultsOptions {
  readonly surroundings: Surroundings;
  readonly computers: readonly Computer[];
  readonly random: Random;
}

const KINDS = [
  'kill',
  'power',
  'all-power',
  'cut',
  'isolate',
  'slow-link',
  'stall',
  'slow-disk',
  'rot',
] as const;
type Kind = (typeof KINDS)[number];

/** How likely a kind is in a run at all: what is left out finds bugs too. */
const PRESENCE = 0.6;

export class Faults {
  readonly #options: FaultsOptions;
  readonly #random: Random;
  readonly #kinds: readonly Kind[];
  #isHealed = false;
  readonly #undo = new Set<() => void>();

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#kinds = KINDS.filter(() => this.#random.chance(PRESENCE));
  }

  begin(): void {
    if (this.#kinds.length > 0) this.#next();
  }

  /** Everything runs and everybody hears each other, from now on. */
  heal(): void {
    this.#isHealed = true;
    for (const undo of [...this.#undo]) undo();
    for (const computer of this.#options.computers) {
      computer.speed = GOOD_SPEED;
      computer.start();
    }
  }

  #next(): void {
    const { agenda } = this.#options.surroundings;
    agenda.after(this.#random.between(200, 4000), () => {
      if (this.#isHealed) return;
      this.#strike(this.#random.pick(this.#kinds));
      this.#next();
    });
  }

  #strike(kind: Kind): void {
    const { surroundings, computers } = this.#options;
    const { network, probes } = surroundings;
    const settled = computers.filter(({ passport }) => passport !== undefined);
    const computer = this.#random.pick(settled);
    probes.hit(`fault ${kind}`);
    switch (kind) {
      case 'kill':
      case 'power':
        return this.#crash(computer, kind === 'power');
      case 'all-power':
        for (const one of settled) this.#crash(one, true);
        return;
      case 'cut': {
        const other = this.#random.pick(settled);
        return this.#cut(computer, other, this.#random.chance(0.5));
      }
      case 'isolate':
        for (const other of settled) this.#cut(computer, other, false);
        return;
      case 'slow-link': {
        const direction = { from: computer.url, to: this.#random.pick(settled).url };
        network.disturb(direction, { delayMin: 5, delayMax: this.#random.pick([20, 100, 400]) });
        return this.#later(() => network.disturb(direction, { delayMin: 0.1, delayMax: 1 }));
      }
      case 'stall':
        return computer.stall(this.#random.between(20, 1500));
      case 'rot':
        return this.#rot();
      case 'slow-disk':
        computer.speed = { minimum: 5, mean: this.#random.pick([10, 50, 300]) };
        return this.#later(() => {
          computer.speed = GOOD_SPEED;
        });
    }
  }

  /** Always the same disk, and only where two others have what it loses. */
  #rot(): void {
    const { computers, surroundings } = this.#options;
    const computer = computers[computers.length - 1];
    const map = computer?.core?.map;
    for (const { shard, members } of map?.shards ?? []) {
      const voters = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
      if (voters.length < 3 || !voters.some(({ node }) => node === computer?.node)) continue;
      if (this.#random.chance(0.5) && computer?.rot(shard)) surroundings.probes.hit('row rotted');
    }
  }

  #crash(computer: Computer, isPower: boolean): void {
    if (!computer.isUp) return;
    computer.crash({ isPower });
    this.#later(() => computer.start());
  }

  #cut(one: Computer, other: Computer, isOneWay: boolean): void {
    if (one === other) return;
    const { network } = this.#options.surroundings;
    const directions = [{ from: one.url, to: other.url }];
    if (!isOneWay) directions.push({ from: other.url, to: one.url });
    for (const direction of directions) network.cut(direction);
    this.#later(() => {
      for (const direction of directions) network.restore(direction);
    });
  }

  /** Undone after a while, or when the world is healed. */
  #later(undo: () => void): void {
    const once = () => {
      if (this.#undo.delete(once)) undo();
    };
    this.#undo.add(once);
    this.#options.surroundings.agenda.after(this.#random.between(100, 6000), once);
  }
}
