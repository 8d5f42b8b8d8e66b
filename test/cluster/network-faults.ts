/** The network faults of a simulated cluster. */

import type { Random } from '../../src/base/random.ts';
import type { Surroundings } from './surroundings.ts';

interface NetworkFaultsOptions {
  readonly surroundings: Surroundings;
  readonly random: Random;
  /** Some time later, or when all is healed. */
  readonly later: (undo: () => void) => void;
}

const KINDS = [
  'cut',
  'one-way',
  'isolate',
  'deaf',
  'ring',
  'slow-link',
  'narrow-link',
  'clog',
  'reset',
  'tear',
] as const;

/** Links without faults. */
const QUIET = { delayMin: 0.1, delayMax: 1, tearChance: 0 };
const WIDE = { bytesPerMillisecond: Number.POSITIVE_INFINITY };

export class NetworkFaults {
  readonly #options: NetworkFaultsOptions;

  constructor(options: NetworkFaultsOptions) {
    this.#options = options;
  }

  strike(urls: readonly string[]): void {
    const { surroundings, random, later } = this.#options;
    const { network, probes } = surroundings;
    const kind = random.pick(KINDS);
    const [from, to] = [random.pick(urls), random.pick(urls)];
    if (from === to) return;
    const direction = { from, to };
    probes.hit(`fault ${kind}`);
    switch (kind) {
      case 'cut':
        return this.#cut([direction, { from: to, to: from }]);
      case 'one-way':
        return this.#cut([direction]);
      case 'isolate':
        return this.#cut(urls.flatMap((url) => bothWays(from, url)));
      case 'deaf':
        // It is heard, and hears no other node.
        return this.#cut(urls.map((url) => ({ from: url, to: from })));
      case 'ring':
        // Each hears its neighbours only: every one sees another majority, or none.
        return this.#cut(notNeighbours(urls));
      case 'slow-link':
        network.disturb(direction, { delayMin: 5, delayMax: random.pick([20, 100, 400]) });
        return later(() => network.disturb(direction, QUIET));
      case 'narrow-link':
        network.disturb(direction, { bytesPerMillisecond: random.pick([50, 200, 1000]) });
        return later(() => network.disturb(direction, WIDE));
      case 'clog':
        network.stall(direction);
        return later(() => network.resume(direction));
      case 'reset':
        return network.reset(direction);
      case 'tear':
        network.disturb(direction, { tearChance: 0.02 });
        return later(() => network.disturb(direction, QUIET));
    }
  }

  #cut(directions: readonly Direction[]): void {
    const { surroundings, later } = this.#options;
    const real = directions.filter(({ from, to }) => from !== to);
    for (const direction of real) surroundings.network.cut(direction);
    later(() => {
      for (const direction of real) surroundings.network.restore(direction);
    });
  }
}

interface Direction {
  readonly from: string;
  readonly to: string;
}

function bothWays(one: string, other: string): readonly Direction[] {
  return [
    { from: one, to: other },
    { from: other, to: one },
  ];
}

function notNeighbours(urls: readonly string[]): readonly Direction[] {
  const count = urls.length;
  return urls.flatMap((from, at) =>
    urls
      .filter((_, other) => ![1, count - 1].includes((other - at + count) % count))
      .map((to) => ({ from, to })),
  );
}
