/** Places in the host where a run may do something rare and legal. */

import type { Random } from '../../src/base/random.ts';
import type { Probes } from './probes.ts';

export const BUGGIFY_SITES = [
  'checkpoint-eagerly',
  'log-beyond-budget',
  'durable-report-late',
  'extra-proposal',
  'frame-per-message',
  'lease-ask-later',
  'link-full',
  'node-heartbeat-skipped',
  'old-checkpoint-dropped',
  'propose-one-by-one',
  'read-at-random-node',
  'reader-later',
  'reader-one-entry',
  'reply-late',
  'slow-apply',
  'snapshot-piece-later',
  'snapshot-refused-unseen',
  'staging-lost',
  'state-slice-later',
  'turn-stall',
  'unreachable-for-nothing',
  'wake-for-nothing',
] as const;

export type BuggifySite = (typeof BUGGIFY_SITES)[number];

/** The figures of FoundationDB: a quarter of the sites, a quarter of the time. */
const ACTIVATION = 0.25;
const FIRING = 0.25;

export class Buggify {
  readonly #active: ReadonlySet<BuggifySite>;
  readonly #random: Random;
  readonly #probes: Probes;
  #isOn = true;

  constructor(options: { active: ReadonlySet<BuggifySite>; random: Random; probes: Probes }) {
    this.#active = options.active;
    this.#random = options.random;
    this.#probes = options.probes;
  }

  static drawSites(random: Random): Set<BuggifySite> {
    return new Set(BUGGIFY_SITES.filter((site) => random.fork(site).chance(ACTIVATION)));
  }

  /** `rarity` reduces the probability at sites that are passed very often. */
  fires(site: BuggifySite, rarity = 1): boolean {
    if (!this.#isOn || !this.#active.has(site)) return false;
    if (!this.#random.chance(FIRING / rarity)) return false;
    this.#probes.hit(`buggify ${site}`);
    return true;
  }

  /** The world is healed: from here on no site fires. */
  rest(): void {
    this.#isOn = false;
  }
}
