/** A minority that is gone for good, in each of the ways in which a node can be gone. */

import type { Random } from '../../src/base/random.ts';
import type { Replica } from '../../src/shard/replica.ts';
import type { Computer } from './computer.ts';
import type { Surroundings } from './surroundings.ts';
import { canSpare } from './survivors.ts';

interface AbsenceOptions extends Surroundings {
  readonly random: Random;
  readonly computers: readonly Computer[];
}

/** `mute` and `deaf` keep running: they receive and cannot send, or the other way round. */
const WAYS = ['dead', 'stopped', 'cut-off', 'mute', 'deaf'] as const;

export class Absence {
  readonly #options: AbsenceOptions;

  constructor(options: AbsenceOptions) {
    this.#options = options;
  }

  /** As many nodes as every shard tolerates to lose; returns them. */
  begin(): ReadonlySet<Computer> {
    const { computers, random, probes } = this.#options;
    const gone = new Set<Computer>();
    for (const computer of random.shuffle(computers)) {
      if (computer.isLost || computer.identity === undefined) continue;
      gone.add(computer);
      if (!canSpare(computers, gone)) gone.delete(computer);
    }
    for (const computer of gone) {
      const way = random.pick(WAYS);
      probes.hit(`gone for ever: ${way}`);
      this.#remove(computer, way);
    }
    return gone;
  }

  #remove(computer: Computer, way: (typeof WAYS)[number]): void {
    const { computers, network } = this.#options;
    if (way === 'dead') return computer.lose();
    if (way === 'stopped') return computer.stall(FOR_EVER_MILLISECONDS);
    for (const { url } of computers) {
      if (url === computer.url) continue;
      if (way !== 'deaf') network.cut({ from: computer.url, to: url });
      if (way !== 'mute') network.cut({ from: url, to: computer.url });
    }
  }
}

const FOR_EVER_MILLISECONDS = 1e9;

/** Its replica neither receives nor does anything: a shard of such replicas has no leader. */
export function quieten(replica: Replica): void {
  replica.tick = () => {};
  replica.receive = () => {};
}

export function wake(replica: Replica): void {
  // Removes the overrides of the methods of the class.
  Reflect.deleteProperty(replica, 'tick');
  Reflect.deleteProperty(replica, 'receive');
}
